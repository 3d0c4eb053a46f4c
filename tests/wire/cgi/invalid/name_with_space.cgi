Content-Type: text/html
X Y: z

