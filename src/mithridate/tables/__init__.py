"""Tables as people have them: read, turned into numbers, turned back and written."""
