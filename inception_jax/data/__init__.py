"""Images: sources with random access, the training order, crops, batches of uint8 pixels."""
