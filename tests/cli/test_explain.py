"""Tests `inception-jax explain`: the page, the pictures, JSON, and what it refuses."""

import json
import re

import cv2
import numpy as np
import pytest

from inception_jax import cli
from inception_jax.cli import explain
from inception_jax.data.sources.digits import Digits
from inception_jax.errors import ConfigError
from tests import evaluated
from tests.tiny import digits

pytestmark = pytest.mark.usefixtures("quick_compiler", "promotion")

METHODS = ("grad_cam", "grad_cam_plus_plus", "integrated_gradients", "occlusion")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one Inception module on the digits."""
    return evaluated.workdir(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two digits as files of the same name, and one that is torn."""
    root, images = tmp_path_factory.mktemp("photos"), Digits("test")
    for i, folder in enumerate("ab"):
        (root / folder).mkdir()
        cv2.imwrite(str(root / folder / "digit.png"), images.stored(i))
    (root / "torn.png").write_bytes(b"torn")
    return root


def found(capsys):
    """The JSON that was printed."""
    return json.loads(capsys.readouterr().out)


def test_one_photograph(run, photos, capsys):
    """All methods: numbers, a page that fetches nothing, pictures, features kept in the workdir."""
    words = ["explain", str(photos / "a" / "digit.png"), f"--workdir={run}", "--json"]
    assert cli.main(words) == 0
    (one,) = found(capsys)["photos"]
    assert [m["method"] for m in one["maps"]] == list(METHODS)
    assert [m["name"] for m in one["modules"]] == ["inception_3a"]
    assert [p["name"] for p in one["modules"][0]["paths"]] == ["1x1", "3x3", "3x3", "pool"]
    assert len(one["nearest"]) == 6 and one["nearest"][0]["file"].startswith("digits/train/")
    similar = [n["similarity"] for n in one["nearest"]]
    assert similar == sorted(similar, reverse=True) and 0.5 < similar[0] < 1.001
    folder = run / "explain" / "digit"
    names = {p.name for p in folder.iterdir()}
    assert names == {"explain.html", "photo.png", *(f"{m}.png" for m in METHODS)}
    page = (folder / "explain.html").read_text()
    assert one["class"] in page and not re.search(r'(src|href)="(?!data:|#)', page)
    assert page.count('class="segment') == 5 and page.count('class="line"') == 2 * 5
    (features,) = (run / "features").glob("train-pool-*.npy")
    before = features.stat().st_mtime_ns
    assert cli.main([*words, "--methods=grad_cam", "--nearest=2"]) == 0
    assert features.stat().st_mtime_ns == before and len(found(capsys)["photos"][0]["nearest"]) == 2


def test_several_photographs(run, photos, capsys, tmp_path):
    """One page with an index; a folder for each; a class and a row by name; a torn file."""
    words = ["explain", str(photos), f"--workdir={run}", f"--out={tmp_path}", "--nearest=0"]
    more = ["--class=class 3", "--row=conv2", "--methods=grad_cam", "--json"]
    assert cli.main([*words, *more]) == 0
    out, err = capsys.readouterr()
    both = json.loads(out)["photos"]
    assert "torn.png\n  unreadable" in err
    assert {(p["class"], p["row"]) for p in both} == {("class 3", "conv2")}
    assert all(not p["nearest"] and not p["modules"] for p in both)
    assert {p.name for p in tmp_path.iterdir()} == {"explain.html", "digit", "digit-2"}
    page = (tmp_path / "explain.html").read_text()
    assert page.count('<a href="#photo-') == 2 and page.count("<article") == 2
    picture = cv2.imread(str(tmp_path / "digit" / "photo.png"))
    assert (picture == Digits("test").stored(0)).all()
    assert cli.main([*words, *more[:-1]]) == 0
    assert "Grad-CAM" in (text := capsys.readouterr().out) and "random" in text


@pytest.mark.slow
def test_features_without_a_photograph(run, capsys):
    """Channels and branches; the same seed draws the same images."""
    for unit, names in (
        ("inception_3a:0,2-3", ["channel_0", "channel_2", "channel_3"]),
        ("inception_3a:branches", [f"branch_{i}" for i in range(4)]),
    ):
        words = ["explain", f"--workdir={run}", f"--visualise={unit}", "--json"]
        assert cli.main(words) == 0
        assert len(found(capsys)["visualisations"]) == len(names)
        folder = run / "explain" / "features"
        first = [cv2.imread(str(folder / f"{name}.png")) for name in names]
        assert all(x.shape == (8, 8, 3) for x in first)
        assert cli.main(words) == 0
        capsys.readouterr()
        again = [cv2.imread(str(folder / f"{name}.png")) for name in names]
        assert np.array_equal(first, again)


@pytest.mark.parametrize(
    ("key", "value"), [("task", "regression"), ("channels", 6)], ids=["task", "channels"]
)
def test_runs_without_classes_of_photographs_are_refused(key, value):
    """The key, what is expected and its value are named."""
    config = digits()
    config.data[key] = value
    with pytest.raises(ConfigError, match=rf"expected a run with data\.{key}=.* got .*={value}"):
        explain._check(config)


def test_no_training_images(run, photos, capsys):
    """The data is not there: a line and a note on the page, the rest as ever."""
    words = ["explain", str(photos / "b" / "digit.png"), f"--workdir={run}", "--methods=grad_cam"]
    assert cli.main([*words, "--config.data.source=folder", "--config.data.dir=/nowhere"]) == 0
    assert "no nearest training images: " in capsys.readouterr().err
    page = (run / "explain" / "digit" / "explain.html").read_text()
    assert "no nearest training images: " in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "expected photographs, or --visualise=ROW"),
        (["a", "--methods=gradcam"], "--methods=gradcam: expected some of grad_cam, "),
        (["a", "--class=eight"], "--class: unknown class 'eight'"),
        (["a", "--row=inception_3b"], "--row: unknown row 'inception_3b'"),
        (["--visualise=inception_3b"], "--visualise: unknown row 'inception_3b'"),
        (["--visualise=conv1:branches"], "conv1 has no branches"),
        (["--visualise=conv1:1-x"], "expected channels such as 3,10-12, or branches"),
        (["--visualise=conv1:8"], "channel 8: expected one of the 8 of conv1"),
    ],
)
def test_refusals(run, photos, words, message, capsys):
    """Each message names the flag."""
    words = [str(photos / w) if w == "a" else w for w in words]
    assert cli.main(["explain", f"--workdir={run}", *words]) == 78
    assert message in capsys.readouterr().err
