Location: https://example.org/

moved