Location: /a#b

