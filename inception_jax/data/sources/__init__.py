"""Data sets: the digits, a folder tree, tensorflow-datasets, loose image files."""
