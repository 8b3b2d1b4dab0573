"""inception-jax bench [--parts=...] [--folder=DIR] [--peers=...] [--python=PYTHON] [--out=FILE]

How fast is everything here, beside what one would take instead? Always as a ratio: ours and each
peer run in turn, each in a process of its own, round after round; printed are the median of the
rounds' ratios and the least and greatest. Above 1, ours is faster. Parts:

  train, eval  a step on one batch: ours; plain Flax; torch; Keras
  input        images of --folder: ours; tf.data; torchvision's DataLoader
  joined       the train step with its input from --folder: the step on one batch
  compile      the train step with nothing cached, and again; `train` to its first step
  checkpoint   a train state saved, verified and restored: the disk itself (where --out is)

Peers that are installed here, or where --python is, take part; the others are listed. With --out
the file is whole after every run, and the same command continues it: nothing is measured twice.
Measure on a quiet machine: other work slows some programs far more than others.
"""  # noqa: D415

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from inception_jax import config as configs
from inception_jax.bench import machine, measure, page, peers, process, turns
from inception_jax.bench.parts import PARTS
from inception_jax.bench.record import Record
from inception_jax.bench.settings import Settings
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

Places = Mapping[str, peers.Place]


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("bench", __doc__ or "")
    flags.text("parts", "", f"some of {','.join(PARTS)} (default all that can be)")
    flags.text("model", "inception_v3", "a network, as `describe` lists them")
    flags.text("dialect", "", "its dialect")
    flags.number("width", 1.0, "of its channels")
    flags.text("stem", "paper", "paper or small")
    flags.whole("batch", 8, "images a batch", low=1)
    flags.whole("size", 299, "pixels a side", low=1)
    flags.text("dtype", "float32", "of the computation: float32, bfloat16, float16, float64")
    flags.whole("rounds", 3, "turns of each", low=1)
    flags.whole("steps", 5, "steps timed in a turn", low=1)
    flags.number("seconds", 4.0, "length of a turn of the input", low=0.1)
    flags.text("folder", "", "folder of images, which input and joined need")
    flags.text("peers", "auto", f"auto, none, or some of {','.join(peers.PEERS)}")
    flags.text("python", "", "another interpreter that has peers")
    flags.text("out", "", "JSON file to write after every run, and to continue")
    flags.switch("json", "print JSON")
    values = flags.parse(argv)
    bench = Bench(values)
    try:
        with _ended_as_interrupted():
            bench.run()
    except KeyboardInterrupt:
        kept = f"all is in {values.out}: the same command goes on" if values.out else "not kept"
        print(f"stopped after {len(bench.record.runs)} runs; {kept}", file=sys.stderr)
        raise
    finally:
        if bench.record.runs:
            found = bench.record.document()
            print(json.dumps(found) if values.json else page.text(found))


@contextlib.contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """Within it SIGTERM is as Control-C: the process that measures is ended with this one."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Bench:
    """What the flags ask for, checked, and what was measured before.

    Raises:
        ConfigError: it cannot be measured; the message names the flag.
    """

    def __init__(self, values: Any):
        self._values, self._out = values, _out(values.out)
        self.settings = Settings(
            values.model, values.dialect, values.width, values.stem, values.batch, values.size,
            values.dtype, values.steps, values.seconds, values.folder and _folder(values.folder),
        )  # fmt: skip
        _check(self.settings)
        parts, left = _parts(values.parts, self.settings)
        pythons = [p for p in (values.python and _python(values.python), sys.executable) if p]
        self.places = peers.find(pythons, values.model)
        names, without = peers.chosen(values.peers, parts, self.places, self.settings)
        self.contestants = {
            part: ["ours", *(n for n in names if part in peers.PEERS[n].parts), *_beside(part)]
            for part in parts
        }
        self.record = Record(self._head(names, {**left, **without}), self._out)

    def run(self) -> None:
        """Measures what is left.

        Raises:
            RuntimeError: ours failed, which is no one's fault but its own.
        """
        _warn(self.record.document())
        order = turns.order(self.contestants, self._values.rounds)
        place = self._out and self._out.resolve().parent
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            env = {**environment(), "TMPDIR": scratch}
            try:
                turns.play(order, self.record, lambda turn: process.run(self._command(turn), env))
            except process.FailedError as e:
                raise RuntimeError(f"ours failed:\n{e}") from e

    def _command(self, turn: turns.Turn) -> list[str]:
        peer = peers.PEERS.get(turn.who)
        if peer and peer.script:
            return peers.command(turn.who, turn.part, self.settings, self.places[turn.who])
        return measure.command(turn.part, turn.who, self.settings)

    def _head(self, names: list[str], left: dict[str, str]) -> dict[str, Any]:
        from inception_jax.runtime import distributed

        try:
            about, _ = process.run(measure.command("about", "ours", self.settings), environment())
        except process.FailedError as e:
            if e.code == ConfigError.code:
                raise ConfigError(str(e)) from e
            raise RuntimeError(str(e)) from e
        versions = {n: self.places[n].versions for n in names if self.places[n].versions}
        return {
            "settings": vars(self.settings),
            "machine": {**machine.host(), **about},
            "code": distributed.code_digest(),
            "began": date.today().isoformat(),
            "load": round(machine.load(), 2),
            "peers": versions,
            "left_out": left,
        }


def environment() -> dict[str, str]:
    """Of all processes, the peers' too: malloc on huge pages, as `train` asks for."""
    return {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", **os.environ}


def _check(settings: Settings) -> None:
    for key, flag in (("model.dtype", "dtype"), ("model.stem", "stem"), ("model.width", "width")):
        rule, value = configs.RULES[key], getattr(settings, flag)
        if not rule.admits(value):
            raise ConfigError(f"--{flag}={value}: expected {rule.expected}")


def _parts(given: str, settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The parts to measure, in their order, and why the others are not."""
    names = given.split(",") if given else list(PARTS)
    for name in names:
        if name not in PARTS:
            raise ConfigError(f"--parts={given}: expected some of {', '.join(PARTS)}")
    pictures = [n for n in names if PARTS[n].folder and not settings.folder]
    if given and pictures:
        raise ConfigError(f"--parts={given}: {pictures[0]} needs --folder=DIR, a folder of images")
    left = dict.fromkeys(pictures, "left out; it needs --folder=DIR, a folder of images")
    return [n for n in PARTS if n in names and n not in pictures], left


def _beside(part: str) -> list[str]:
    return [PARTS[part].beside] if PARTS[part].beside else []


def _folder(given: str) -> str:
    path = Path(given).expanduser().resolve()
    if not path.is_dir():
        raise ConfigError(f"--folder={given}: expected a folder of images")
    return str(path)


def _python(given: str) -> str:
    found = shutil.which(os.path.expanduser(given))
    if not found:
        raise ConfigError(f"--python={given}: expected a Python interpreter, found none there")
    return os.path.abspath(found)


def _out(given: str) -> Path | None:
    path = Path(given).expanduser() if given else None
    if path and not path.resolve().parent.is_dir():
        raise ConfigError(f"--out={given}: expected a file in a folder that is there")
    return path


def _warn(found: Mapping[str, Any]) -> None:
    if text := machine.disturbed(found):
        print(f"note: {text}", file=sys.stderr)
    for name, reason in found["left_out"].items():
        print(f"{name}: {reason}", file=sys.stderr)
