Content-Type: text/html
Größe: 5

