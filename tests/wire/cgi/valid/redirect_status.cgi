Status: 302 Found
Location: /other

