"""1,797 handwritten digits of 8x8 pixels, included in the package.

They are scikit-learn's `load_digits`, the test part of "Optical Recognition of Handwritten Digits"
(E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0), stored in `digits.npz` so
that scikit-learn is not needed.
"""

from importlib import resources

import numpy as np

from inception_jax.errors import ConfigError

SPLITS = ("train", "test")
EVERY = 5  # every fifth digit is a test image: 1,437 and 360; scikit-learn defines no split


class Digits:
    """One split of the digits; grey levels 0..16 are scaled to 0..255 in three equal channels."""

    def __init__(self, split: str):
        if split not in SPLITS:
            raise ConfigError(
                f"digits has no split {split!r}: set --config.data.train_split and "
                f"--config.eval.split to {' or '.join(SPLITS)}"
            )
        with resources.files("inception_jax.data.sources").joinpath("digits.npz").open("rb") as f:
            arrays = np.load(f)
            images, labels = arrays["images"], arrays["labels"]
        chosen = (np.arange(len(labels)) % EVERY == 0) == (split == "test")
        grey = (images[chosen].astype(np.float32) * (255 / 16)).round().astype(np.uint8)
        self._images = np.repeat(grey[..., None], 3, axis=-1)
        self.labels = labels[chosen]
        self._split = split
        self.classes = tuple("0123456789")

    def __len__(self) -> int:
        return len(self.labels)

    def label(self, index: int) -> int:
        """The digit."""
        return int(self.labels[index])

    def stored(self, index: int) -> np.ndarray:
        """uint8 [8, 8, 3]."""
        return self._images[index]

    def name(self, index: int) -> str:
        """`digits/test/17`."""
        return f"digits/{self._split}/{index}"
