A: b
C: d
	e: f

