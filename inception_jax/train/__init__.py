"""Training: the step, the loop and what they are made of."""
