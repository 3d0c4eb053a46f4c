Content-Type:	 text/plain 	
A:
B: a: b	c  d

