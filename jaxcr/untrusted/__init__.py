"""Files of strangers: no code in them is run, no other file opened, and sizes are checked first.

What these modules raise is plain `ValueError` or `OSError`; readers name the file and the remedy.
"""
