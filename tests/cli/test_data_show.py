"""Tests `inception-jax data show`."""

import cv2

from inception_jax import cli


def test_a_batch_is_drawn(tmp_path, monkeypatch, request, capsys):
    """The picture is written, and differs between steps."""
    monkeypatch.chdir(request.config.rootpath)
    words = ["data", "show", "--config=configs/digits.py", "--config.data.batch_size=16"]
    for step in (0, 1):
        assert cli.main([*words, f"--out={tmp_path / str(step)}.png", f"--step={step}"]) == 0
        assert f"{step}.png" in capsys.readouterr().out
    first, second = (cv2.imread(str(tmp_path / f"{step}.png")) for step in (0, 1))
    assert first is not None and first.shape == second.shape and (first != second).any()


def test_erased_images_are_drawn_as_the_network_sees_them(tmp_path, monkeypatch, request):
    """Erased boxes are the mean of all images, which the digits' normalisation makes grey."""
    monkeypatch.chdir(request.config.rootpath)
    words = ["data", "show", "--config=configs/digits.py", "--config.data.batch_size=16"]
    for name, more in (("plain", ()), ("erased", ("--config.augment.erasing=1",))):
        assert cli.main([*words, *more, f"--out={tmp_path / name}.png"]) == 0
    plain, erased = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("plain", "erased"))
    changed = erased[(erased != plain).any(-1)]
    assert len(changed) > 1000 and len({tuple(pixel) for pixel in changed.tolist()}) == 1


def test_images_have_the_size_of_the_step(tmp_path, monkeypatch, request):
    """With progressive resizing, that of the step's stage."""
    monkeypatch.chdir(request.config.rootpath)
    words = ["data", "show", "--config=configs/digits.py", "--config.data.batch_size=16",
             "--config.train.sizes=(12,)", "--config.train.size_epochs=(1.0,)"]  # fmt: skip
    sides = []
    for step in (0, 200):  # an epoch has 94 steps
        assert cli.main([*words, f"--out={tmp_path / str(step)}.png", f"--step={step}"]) == 0
        sides.append(cv2.imread(str(tmp_path / f"{step}.png")).shape[1] // 8)
    assert sides == [12 * round(128 / 12) + 2, 24 * round(128 / 24) + 2]
