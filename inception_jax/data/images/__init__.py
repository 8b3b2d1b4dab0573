"""One image: format, decoding, crops, colour."""
