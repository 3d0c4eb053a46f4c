Location:

