"""One image: its format, decoding, crops, colour."""
