Status: 302 Found
Location: /a

moved