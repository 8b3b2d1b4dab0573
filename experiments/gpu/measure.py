"""Measures one GPU machine within a budget, part by part, and prints a table.

    python -m experiments.gpu.measure --out=measured.json [--photos=DIR_OR_TAR] [--budget=460]

Run by measure.sh, which sets up a bare machine. Each part is a process with a limit; one that fails
or is late has its reason in its place, and the rest goes on. The file is written after each part.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from experiments.gpu import photos, results
from experiments.speed import bench, parts, peers

SETTINGS = {
    **bench.SETTINGS, "batch": 256, "dtype": "bfloat16", "steps": 5, "ahead": 10, "seconds": 2.0,
}  # fmt: skip
TINY = {"batch": 2, "size": 96, "steps": 1, "ahead": 2, "seconds": 0.2}  # to try the script
SMALL = "xception"  # has no auxiliary head, which needs large images
SLOWER = 4  # times the limits of tiny settings, which are for a CPU
# The network that torchvision has is another one than the paper's, with padding that plain lacks.
OWN = {"googlenet": {"dialect": "torchvision", "size": 224}}
NETWORKS = ("inception_v3", "inception_v4", "inception_resnet_v2", "xception", "googlenet")
FAST = {"XLA_FLAGS": "--xla_gpu_autotune_level=0"}  # checks need no fast kernels
LEAST = 15.0  # seconds under which no part is begun
PARTS = ("forms", "train", "eval", "scaling", "joined", "kernels", "resume")


class Turn(NamedTuple):
    """A process: a part of one network by ours or a peer, ended after `limit` seconds."""

    network: str
    part: str
    who: str
    limit: float


def turns(networks: Sequence[str], chosen: Sequence[str]) -> Iterator[Turn]:
    """What matters most first: all of the first network, then the others' steps."""
    first, *others = networks
    rows = [Turn(first, "forms", "ours", 120)]
    rows += [
        Turn(first, p, who, 150) for p in ("train", "eval") for who in ("ours", "plain", "torch")
    ]
    rows += [Turn(first, part, "ours", 90) for part in ("scaling", "joined", "kernels")]
    rows += [Turn(first, "eval", "torch.compile", 90), Turn(first, "resume", "ours", 90)]
    for network in others:
        peers_ = ("torch",) if network in OWN else ("torch", "plain")
        rows += [Turn(network, p, who, 150) for p in ("train", "eval") for who in ("ours", *peers_)]
    rows += [Turn(first, "train", "torch.compile", 200)]
    return (row for row in rows if row.part in chosen)


def command(turn: Turn, s: dict[str, Any], python: str) -> tuple[list[str], dict[str, str]]:
    """The command line of a part, and what its environment has besides ours."""
    own = json.dumps(s)
    if turn.part == "scaling":
        flags = [f"--folder={s['folder']}", f"--size={s['size']}", f"--batch={s['batch']}"]
        flags += [f"--seconds={s['seconds']:g}", "--scaling", "--json"]
        return [sys.executable, "-m", "inception_jax", "data", "bench", *flags], {}
    if turn.part in ("forms", "resume"):
        words = [sys.executable, "-m", "experiments.gpu.check", turn.part, turn.who]
        return [*words, json.dumps({**s, "batch": min(s["batch"], 8), "dtype": "float64"})], FAST
    if turn.part == "kernels":
        return [sys.executable, "-m", "experiments.gpu.kernels", own], {}
    if turn.who in peers.MEASURES:
        return [python, peers.__file__, turn.who, turn.part, own], {}
    return parts.command(turn.part, turn.who, s), {}


def measure(given: argparse.Namespace, scratch: Path, ends: float) -> dict[str, Any]:
    """Measures part after part until `ends`, on the clock of `time.monotonic`."""
    folder, about = photos.folder(given.photos, scratch)
    settings = {**SETTINGS, **(TINY if given.tiny else {}), "folder": str(folder)}
    env = {**bench.ENV, "JAX_COMPILATION_CACHE_DIR": str(scratch / "cache"), "TMPDIR": str(scratch)}
    any_ = {**settings, "model": SMALL}
    machine, _ = bench.process(parts.command("about", "ours", any_), env, 120)
    found = {"date": date.today().isoformat(), "settings": settings, "photos": about, **machine}
    found |= {"tiny": given.tiny, "versions": {}, "runs": []}
    for turn in turns(given.networks, given.parts):
        left, began = ends - time.monotonic(), time.monotonic()
        s = {**settings, "model": turn.network, **OWN.get(turn.network, {})}
        words, more = command(turn, s, given.python)
        figures: dict[str, Any] = {"error": f"no time left ({max(left, 0):.0f} s)"}
        if left > LEAST:
            limit = turn.limit * (SLOWER if given.tiny else 1)
            figures, _ = bench.process(words, {**env, **more}, min(limit, left))
        found["versions"] |= figures.pop("versions", {})
        taken = round(time.monotonic() - began, 1)
        found["runs"].append({**turn._asdict(), "seconds": taken, "figures": figures})
        print(f"{taken:5.1f} s", *turn[:3], json.dumps(figures)[:300], file=sys.stderr, flush=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n")
    return found


def main() -> None:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON, written after each part")
    parser.add_argument("--photos", default="", help="a folder or tar file of JPEG files")
    parser.add_argument("--budget", type=float, default=460.0, help="seconds for all of it (460)")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, help="the first in full (all)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    parser.add_argument("--python", default=sys.executable, help="the interpreter of torch")
    parser.add_argument("--tiny", action="store_true", help="to try the script: small and few")
    given = parser.parse_args()
    given.networks = given.networks or ([SMALL] if given.tiny else [*NETWORKS])
    ends = time.monotonic() + given.budget
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the process that measures too
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(given, Path(scratch), ends)
    print("\n".join(results.markdown(found)))
    failed = [run for run in found["runs"] if "error" in run["figures"]]
    print(f"\n{len(found['runs']) - len(failed)} of {len(found['runs'])} parts; {given.out}")


if __name__ == "__main__":
    main()
