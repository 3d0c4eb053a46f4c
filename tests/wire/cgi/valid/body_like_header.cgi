Content-Type: text/plain

Status: 500 No
Location: /evil

