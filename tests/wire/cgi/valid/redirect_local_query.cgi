Location: /other?a=b&c

