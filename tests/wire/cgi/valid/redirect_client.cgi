Location: http://example.org/a

