Location: http://example.org/
