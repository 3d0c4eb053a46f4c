Location: /a
Location: /b

