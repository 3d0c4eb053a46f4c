Location: /other

