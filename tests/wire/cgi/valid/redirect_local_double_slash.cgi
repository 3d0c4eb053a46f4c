Location: //example.org/

