"""Image files without classes."""

import os
from pathlib import Path

from inception_jax.data.sources.file_bytes import contents
from inception_jax.data.sources.listing import images_below
from inception_jax.errors import ConfigError


class Files:
    """The images below a folder, in any depth; each has the label 0.

    Raises:
        ConfigError: the folder does not exist, or has no image below it.
    """

    def __init__(self, root: Path):
        if not root.is_dir():
            raise ConfigError(f"expected a folder of images, found no folder at {root}")
        self._root = os.path.join(os.fsencode(root), b"")
        self.classes: tuple[str, ...] = ("",)
        self._names, self.left_out = images_below(root)

    def __len__(self) -> int:
        return len(self._names)

    def label(self, index: int) -> int:
        """0: these images have no classes."""
        return 0

    def stored(self, index: int) -> bytes:
        """The file's bytes; raises BadImageError."""
        return contents(self._root + os.fsencode(self._names[index]))

    def name(self, index: int) -> str:
        """Its path below the folder."""
        return self._names[index]
