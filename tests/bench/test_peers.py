"""Tests `inception_jax/bench/peers`: which peers take part, and what is said of the others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inception_jax.bench import peers, process
from inception_jax.bench.peers import PEERS, Place, chosen, command, find
from inception_jax.bench.settings import Settings
from inception_jax.errors import ConfigError

HERE = {"plain": Place("python", {})}
ALL = {name: Place("python", {}) for name in PEERS}


@pytest.fixture
def interpreter(tmp_path):
    """An interpreter that has modules by these names: (modules) -> its path."""

    def make(*names):
        path = tmp_path / f"python{len(list(tmp_path.iterdir()))}"
        found = "{" + ", ".join(f'"{n}": "1.0"' for n in names) + "}"
        path.write_text(f"#!/bin/sh\necho '{found}'\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_what_is_not_installed_is_listed():
    """With `auto` it is no error; the line says what to install."""
    take, left = chosen("auto", ["train", "input"], HERE, Settings())
    assert take == ["plain"] and set(left) == set(PEERS) - {"plain"}
    assert "pip install torch torchvision timm" in left["torch"]


def test_what_was_asked_for_by_name_must_be_there():
    """An unknown one, an absent one, one of other parts, one without this network."""
    for given, settings, says in (
        ("torh", Settings(), "expected auto, none, or some of plain, torch"),
        ("plain,torch", Settings(), "torch: not installed (pip install torch"),
        ("tfdata", Settings(), "takes part in input only"),
    ):
        with pytest.raises(ConfigError) as e:
            chosen(given, ["train"], HERE, settings)
        assert says in str(e.value)
    for settings, says in (
        (Settings(model="bn_inception"), "keras: has no bn_inception"),
        (Settings(width=0.5), "keras: has no width 0.5"),
        (Settings(dtype="float64"), "keras: is not run in float64"),
    ):
        with pytest.raises(ConfigError) as e:
            chosen("keras", ["train"], ALL, settings)
        assert says in str(e.value)


def test_none_and_parts():
    """`none` is none, and nobody hears of peers of parts that are not measured."""
    assert chosen("none", ["train"], ALL, Settings()) == ([], {})
    assert chosen("auto", ["compile"], ALL, Settings()) == (["plain"], {})


def test_where_each_is_found(interpreter):
    """The first interpreter that has all of a peer's modules; timm only where it is needed."""
    torch, keras = interpreter("torch", "torchvision"), interpreter("keras", "jax", "torch")
    found = find([keras, torch], "inception_v3")
    assert (found["torch"].python, found["keras"].python) == (torch, keras)
    assert found["keras"].versions == {"keras": "1.0", "jax": "1.0"}
    assert set(find([torch, keras], "inception_v4")) == {"plain", "keras"}
    assert set(find([interpreter("keras", "torch")], "inception_v3")) == {"plain"}  # no backend


def test_this_interpreter_and_none(tmp_path):
    """Ours is asked without importing anything; what is no interpreter is refused."""
    assert "plain" in find([sys.executable], "inception_v3")
    with pytest.raises(ConfigError, match="expected a Python interpreter"):
        find([str(tmp_path / "python")], "inception_v3")


def scripts():
    return sorted(Path(peers.__file__).parent.glob("*_*.py"))


@pytest.mark.parametrize("path", [p for p in scripts() if p.name != "__init__.py"], ids=str)
def test_a_script_needs_nothing_of_ours(path):
    """The interpreter that has the peer need not have this package."""
    assert "inception_jax" not in path.read_text()


def test_a_script_gets_the_peers_own_name():
    """timm's Xception is called otherwise."""
    words = command("torch", "eval", Settings(model="xception", steps=3), Place("python3", {}))
    assert words[0] == "python3" and words[1].endswith("/torch_step.py")
    assert words[2:4] == ["--model=legacy_xception", "--mode=eval"] and "--steps=3" in words


@pytest.mark.peers
@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(
    ("name", "model"),
    [("torch", "googlenet"), ("torch", "inception_v3"), ("keras", "inception_v3")],
)
def test_the_steps_of_torch_and_keras(name, model, mode):
    """Each gives a rate; this interpreter has them (`.ci/run`)."""
    # The head of torchvision's v3 takes no smaller grid than that of 299 pixels.
    settings = Settings(model=model, batch=2, size=96 if name == "keras" else 299, steps=1)
    place = find([sys.executable], model)[name]
    figures, peak = process.run(command(name, mode, settings, place), dict(os.environ))
    assert figures["images_per_s"] > 0 and figures["device"] in ("cpu", "gpu") and peak > 1e8
    assert ("without the auxiliary head" in figures.get("note", "")) == (
        name == "keras" and mode == "train"
    )


@pytest.mark.peers
@pytest.mark.parametrize("name", ["tfdata", "torchvision"])
def test_the_inputs_of_tensorflow_and_torchvision(name, real_data):
    """Each gives a rate over real images."""
    settings = Settings(folder=str(real_data / "imagenet"), size=64, seconds=0.5)
    place = find([sys.executable], "inception_v3")[name]
    figures, _ = process.run(command(name, "input", settings, place), dict(os.environ))
    assert figures["images_per_s"] > 1


@pytest.mark.peers
def test_every_part_beside_every_peer(real_data, tmp_path):
    """One round of everything; the table and the file have each of them."""
    once = ["--batch=2", "--steps=1", "--seconds=0.5", "--rounds=1"]
    words = ["--parts=train,eval,input,joined,checkpoint", f"--folder={real_data / 'imagenet'}"]
    said = bench(*once, *words, f"--out={tmp_path / 'bench.json'}")
    for word in (*PEERS, "step alone", "disk"):
        assert word in said
    # A compiler's minutes, four times over, for a network of another size are seconds.
    small = ["--model=googlenet", "--width=0.125", "--stem=small", "--size=32", "--peers=none"]
    assert "command to 1st step" in bench(*once, *small, "--parts=compile")


def bench(*words):
    done = subprocess.run(
        [sys.executable, "-m", "inception_jax", "bench", *words], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
