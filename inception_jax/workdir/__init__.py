"""The files of a run directory: how they are named, written and read."""
