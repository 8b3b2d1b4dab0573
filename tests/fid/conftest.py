"""The tiny network's workdir and two folders of images."""

from tests.evaluated import tiny_run, tiny_workdir  # noqa: F401
from tests.fid.image_folders import folders  # noqa: F401
