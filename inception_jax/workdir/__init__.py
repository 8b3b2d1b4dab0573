"""The files of a run directory: names, readers and writers."""
