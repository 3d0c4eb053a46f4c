Location: http://example.org/
