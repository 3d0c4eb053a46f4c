Traceback (most recent call last):
  File "x", line 1
