"""The peers: what a user would take instead, where it is installed, and what it can do.

Each script beside this file runs in the interpreter that has the peer, which need not be ours: it
imports nothing of this package, and prints one line of JSON.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from inception_jax.bench.settings import Settings
from inception_jax.errors import ConfigError

FOLDER = Path(__file__).parent
# Our networks as they call them.
TORCHVISION = {"googlenet": "googlenet", "inception_v3": "inception_v3"}
TIMM = {
    "inception_v4": "inception_v4",
    "inception_resnet_v2": "inception_resnet_v2",
    "xception": "legacy_xception",
}
KERAS = {
    "inception_v3": "InceptionV3",
    "inception_resnet_v2": "InceptionResNetV2",
    "xception": "Xception",
}


class Peer(NamedTuple):
    """One of them.

    Attributes:
        parts: that it takes part in.
        script: beside this file; empty for what is in this package.
        needs: modules, of which the first gives it its version.
        install: the packages that have them.
        models: our names to its own; empty where the network does not matter, or is ours.
    """

    parts: tuple[str, ...]
    script: str = ""
    needs: tuple[str, ...] = ()
    install: str = ""
    models: Mapping[str, str] = {}


PEERS = {
    "plain": Peer(("train", "eval", "compile")),
    "torch": Peer(
        ("train", "eval"), "torch_step.py", ("torch", "torchvision"), "torch torchvision timm",
        {**TORCHVISION, **TIMM},
    ),
    "keras": Peer(("train", "eval"), "keras_step.py", ("keras",), "keras tensorflow-cpu", KERAS),
    "tfdata": Peer(("input",), "tfdata_input.py", ("tensorflow",), "tensorflow-cpu"),
    "torchvision": Peer(
        ("input",), "torchvision_input.py", ("torchvision", "torch", "PIL"),
        "torch torchvision pillow",
    ),
}  # fmt: skip

# What an interpreter has of the modules that it is asked for, without importing them.
LOOK = """
import importlib.metadata as m, importlib.util as u, json, sys
there = [n for n in sys.argv[1:] if u.find_spec(n)]
packages = m.packages_distributions()
print(json.dumps({n: m.version(packages[n][0]) for n in there if n in packages}))
"""


class Place(NamedTuple):
    """Where a peer is: the interpreter, and its modules' versions."""

    python: str
    versions: dict[str, str]


def find(pythons: Sequence[str], model: str) -> dict[str, Place]:
    """The peers that are installed, each in the first interpreter that has all of its modules.

    Raises:
        ConfigError: an interpreter does not run.
    """
    modules = sorted({"timm", "jax"} | {n for peer in PEERS.values() for n in peer.needs})
    there = {python: _look(python, modules) for python in dict.fromkeys(pythons)}
    found = {}
    for name, peer in PEERS.items():
        for python, versions in there.items():
            needs = (*peer.needs, "timm") if name == "torch" and model in TIMM else peer.needs
            backend = name != "keras" or {"jax", "tensorflow"} & set(versions)
            if backend and set(needs) <= set(versions):
                kept = (*needs, "jax", "tensorflow") if name == "keras" else needs
                found[name] = Place(python, {n: versions[n] for n in kept if n in versions})
                break
    return found


def _look(python: str, modules: Sequence[str]) -> dict[str, str]:
    try:
        done = subprocess.run(
            [python, "-c", LOOK, *modules], capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as e:
        raise ConfigError(f"--python={python}: expected a Python interpreter; {e}") from e


def unable(name: str, settings: Settings) -> str:
    """Why a peer cannot do what ours does with these settings; empty if it can."""
    peer = PEERS[name]
    if not peer.models:
        return ""
    if settings.model not in peer.models:
        return f"has no {settings.model}"
    if settings.width != 1 or settings.stem != "paper":
        return f"has no width {settings.width:g} with a {settings.stem} stem"
    return "" if settings.dtype in ("float32", "bfloat16") else f"is not run in {settings.dtype}"


def command(name: str, part: str, settings: Settings, place: Place) -> list[str]:
    """The command line that measures a peer that is a script."""
    peer = PEERS[name]
    words = [place.python, str(FOLDER / peer.script)]
    if part == "input":
        return [*words, *settings.reading.words("folder", "size", "batch", "seconds")]
    model = [f"--model={peer.models[settings.model]}", f"--mode={part}"]
    return [*words, *model, *settings.words("size", "batch", "dtype", "steps")]


def chosen(
    given: str, parts: Sequence[str], found: Mapping[str, Any], settings: Settings
) -> tuple[list[str], dict[str, str]]:
    """The peers to measure, and why each of the others is not.

    Args:
        given: `auto`, `none`, or names.
        parts: that are measured.
        found: those that are installed.
        settings: of the bench.

    Raises:
        ConfigError: one that was named is unknown, not installed, or cannot do it.
    """
    if given == "none":
        return [], {}
    names = list(PEERS) if given == "auto" else given.split(",")
    take, left = [], {}
    for name in names:
        if name not in PEERS:
            raise ConfigError(
                f"--peers={given}: expected auto, none, or some of {', '.join(PEERS)}"
            )
        peer = PEERS[name]
        reason = ""
        if not set(peer.parts) & set(parts):
            reason = f"takes part in {' and '.join(peer.parts)} only"
        elif name not in found:
            reason = f"not installed (pip install {peer.install}; here, or where --python is)"
        reason = reason or unable(name, settings)
        if reason and given != "auto":
            raise ConfigError(f"--peers={given}: {name}: {reason}")
        if reason and set(peer.parts) & set(parts):
            left[name] = reason
        if not reason:
            take.append(name)
    return take, left
