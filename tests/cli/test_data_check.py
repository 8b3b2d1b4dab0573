"""Tests `inception-jax data check`, on folders and on shards from `data prepare`."""

import json
import shlex

import pytest

from inception_jax import cli
from inception_jax.cli import train
from tests.data.pictures import encoded, gradient, tree

PAGE = "--config=configs/finetune.py"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch, request):
    """Pages are found from the repository."""
    monkeypatch.chdir(request.config.rootpath)


def check(folder, *words: str) -> int:
    return cli.main(["data", "check", PAGE, f"--config.data.dir={folder}", *words])


def check_set(out, *words: str) -> int:
    return check(out, "--config.data.source=tfds", "--config.data.name=tiny", *words)


def test_from_a_folder_to_shards_and_a_flipped_byte(tmp_path, capsys):
    """Folder and shards have the same content; a damaged shard ends with 65 and is named."""
    root = tree(tmp_path / "root", {"train": {"ant": 150, "bee": 60}, "test": {"bee": 4}})
    (root / "train/ant/001.png").write_bytes(b"")
    assert cli.main(["data", "prepare", "folder", str(root), f"--out={tmp_path}",
                     "--name=tiny", "--shard_mb=1"]) == 0  # fmt: skip
    assert "1 unreadable images, packed as they are" in capsys.readouterr().out
    assert check(root, "--json") == 0
    folder = json.loads(capsys.readouterr().out)
    assert check_set(tmp_path, "--json") == 0
    shards = json.loads(capsys.readouterr().out)
    assert folder["splits"] == shards["splits"]
    assert shards["splits"]["train"] == {"images": 210, "classes": 2, "problem": ""}
    for key in ("images", "images_per_class", "formats", "median_size"):
        assert folder[key] == shards[key]
    assert (folder["verified_shards"], shards["verified_shards"]) == (None, 2)
    assert list(folder["unreadable"]) == ["train/ant/001.png"]
    assert [name.split()[-1] for name in shards["unreadable"]] == ["001.png"]
    assert check_set(tmp_path, "--split=test") == 0
    assert "test:\n  4 images of 2 classes" in capsys.readouterr().out
    shard = tmp_path / "tiny/1.0.0/tiny-train.array_record-00000-of-00001"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-70_000] + bytes([whole[-70_000] ^ 1]) + whole[-69_999:])
    assert check_set(tmp_path, "--split=test") == 65  # any shard of the set
    assert f"{shard.name}: expected sha256" in capsys.readouterr().err
    shard.unlink()
    assert check_set(tmp_path) == 65
    assert f"{shard.name}: missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "source", "says"),
    [(("--side=16",), "tfds", "quality 90"), (("--raw",), "raw", "pixels as decoded")],
)  # fmt: skip
def test_pre_shrunk_and_raw_sets(tmp_path, capsys, flags, source, says):
    """Checked as others, and the contract is printed; their names may be another format's."""
    root = tree(tmp_path / "root", {"train": {"ant": 5, "bee": 6}})
    words = ["data", "prepare", "folder", str(root), f"--out={tmp_path}", "--name=tiny", *flags]
    assert cli.main(words) == 0
    assert f"--config.data.source={source}" in capsys.readouterr().out
    words = [f"--config.data.source={source}", "--config.data.name=tiny"]
    assert check(tmp_path, *words) == 0
    text = capsys.readouterr().out
    assert "train: 11 images of 2 classes" in text and "1 shards match their checksums" in text
    assert "\nstored: " in text and says in text and "suffix of another" not in text
    [shard] = (tmp_path / "tiny/1.0.0").glob("tiny-train.*-of-*")
    data = shard.read_bytes()
    shard.write_bytes(data[:99] + bytes([data[99] ^ 1]) + data[100:])
    assert check(tmp_path, *words) == 65
    assert f"{shard.name}: expected sha256" in capsys.readouterr().err


def test_a_damaged_shard_without_checksums(tmp_path, capsys):
    """Its records are named, as unreadable; the others are counted."""
    root = tree(tmp_path / "root", {"train": {"ant": 150, "bee": 60}})
    cli.main(["data", "prepare", "folder", str(root), f"--out={tmp_path}", "--name=tiny"])
    folder = tmp_path / "tiny/1.0.0"
    (folder / "checksums.json").unlink()
    (shard,) = folder.glob("tiny-train*")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert check_set(tmp_path) == 0
    out = capsys.readouterr().out
    assert "1 unreadable" in out and "tiny/train/0: damaged record" in out
    for length in (70_000, 65_536, 10):  # three different errors of ArrayRecord's
        shard.write_bytes(whole[:length])
        assert check_set(tmp_path) == 65
        assert "210 of 210 images are unreadable" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [((), "{} --workdir=runs/my\\ set"),
     (("--split=test", "--config.data.classes=3", "--config.model.num_classes", "3"),
      "{} --config.data.classes=3 --config.model.num_classes 3 --workdir=runs/my\\ set"),
     (("--config.data.classes=7", "--config.model.num_classes=7", "--config.seed=4"),
      "{} --config.seed=4 --config.data.classes=3 --config.model.num_classes=3 "
      "--workdir=runs/my\\ set")],
)  # fmt: skip
def test_the_next_command(tmp_path, capsys, words, expected):
    """The last line trains on this data: the flags that were given, a wrong count corrected."""
    root = tree(tmp_path / "my set", {s: {"a": 2, "b": 2, "c": 2} for s in ("train", "test")})
    assert check(root, *words) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("next: inception-jax train ")
    given = shlex.split(line)[2:]
    start = f"train {PAGE} --config.data.dir={shlex.quote(str(root))}"
    start = start.replace("--config.data.dir='", "'--config.data.dir=")
    assert given == shlex.split(expected.format(start))
    flags = train.flags()
    flags.parse(given[1:])
    assert flags.config().model.num_classes == (3 if words else -1)  # -1: counted


def test_more_than_one_percent(tmp_path, capsys):
    """65, after all that was found has been printed, as text and as JSON."""
    root = tree(tmp_path, {"train": {"ant": 50, "bee": 50}})
    for i in (1, 2):
        (root / f"train/ant/00{i}.png").write_bytes(b"")
    assert check(root) == 65
    said = capsys.readouterr()
    assert "2 unreadable" in said.out and "2 of 100 images are unreadable" in said.err
    assert check(root, "--json") == 65
    assert len(json.loads(capsys.readouterr().out)["unreadable"]) == 2


def test_a_folder_that_means_to_be_imagenet(tmp_path, capsys):
    """A thousand WordNet folders are compared with ImageNet's counts: what is missing, and where
    to get it."""
    for i in range(1000):
        (tmp_path / f"train/n{i:08d}").mkdir(parents=True)
    (tmp_path / "train/n00000007/n00000007_1.JPEG").write_bytes(encoded(gradient()))
    assert check(tmp_path) == 0
    out = capsys.readouterr().out
    assert "not ImageNet's train: expected 1,281,167 images, found 1: 1,281,166 are miss" in out
    assert "not ImageNet's validation: expected 50,000 images, found 0" in out
    assert "ILSVRC2012_img_val.tar    6,744,924,160 bytes" in out and "image-net.org" in out
    assert "999 classes without any" in out


def test_imagenet_that_is_not_there(tmp_path, capsys):
    """The two files, their sizes, where they are from, and the command to run."""
    words = ["data", "check", "--config=configs/inception_v3.py", f"--config.data.dir={tmp_path}"]
    assert cli.main(words) == 78
    err = capsys.readouterr().err
    for text in ("not prepared: no files in", "147,897,477,120", "6,744,924,160", "image-net.org",
                 "inception-jax data prepare imagenet2012 --manual_dir="):  # fmt: skip
        assert text in err


def test_the_channels_of_the_training_split(tmp_path, capsys):
    """Their mean and deviation with the flags that use them; not of another split."""
    root = tree(tmp_path, {"train": {"ant": 2}, "test": {"ant": 1}})
    assert check(root) == 0
    text = capsys.readouterr().out
    assert "--config.model.mean='(" in text and "--config.model.std='(" in text
    assert check(root, "--split=test") == 0
    assert "model.mean" not in capsys.readouterr().out
