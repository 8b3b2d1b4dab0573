"""FID, KID and Inception Score of image sets."""
