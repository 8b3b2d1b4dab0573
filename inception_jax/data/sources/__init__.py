"""Data sets with random access: digits, folders, files, TFDS."""
