X: y

