Status: 304 Not Modified
ETag: "a"

