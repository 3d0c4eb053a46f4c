Location: other.cgi

