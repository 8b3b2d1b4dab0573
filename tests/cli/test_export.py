"""Tests `inception-jax export`: its flags, and the images that it calibrates with."""

import numpy as np
import pytest

from inception_jax import cli
from inception_jax.cli.export import calibration_images
from inception_jax.data.images.decode import BadImageError
from inception_jax.data.sources.digits import Digits
from tests import tiny


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to=onnx"], "expected --to=FORMAT and --out=FILE"),
        (["--to=tflite", "--quantize=int8", "--out=x"], "goes with --to=onnx"),
        (["--to=onnx", "--quantize=int4", "--out=x"], "--quantize=int4: expected int8"),
        (["--to=onnx", "--calibration=9", "--out=x"], "--calibration has no effect without"),
        (["--to=onnx", "--out=x", "--config.data.dir=/x"], "does not use this key"),
        (["--to=tflite", "--out=x", "--config.model.dtype=bfloat16"], "leave it out (it obeys"),
        (["--to=onx", "--out=x"], "did you mean 'onnx'"),
    ],
)
def test_mistakes(tiny_run, capsys, words, says):
    """Each is refused with exit code 78 and what to change."""
    assert cli.main(["export", f"--workdir={tiny_run[0]}", *words]) == 78
    assert says in capsys.readouterr().err


def test_calibration_images(monkeypatch):
    """The same random images of the training split each time, cropped; unreadable ones left out."""
    config = tiny.digits()
    images = list(calibration_images(config, 20))
    assert all(image.shape == (8, 8, 3) and image.dtype == np.uint8 for image in images)
    assert len({image.tobytes() for image in images}) > 15
    again = calibration_images(config, 20)
    assert all(np.array_equal(*pair) for pair in zip(images, again, strict=True))
    assert len(list(calibration_images(config, 10_000))) == len(Digits("train"))
    stored, calls = Digits.stored, []

    def damaged(self, index):
        calls.append(index)
        if len(calls) % 2:
            raise BadImageError("damaged")
        return stored(self, index)

    monkeypatch.setattr(Digits, "stored", damaged)
    assert len(list(calibration_images(config, 20))) == 10
