"""Speed of each part relative to plain Flax, torch, Keras, tf.data and torchvision, as ratios.

    python -m experiments.speed.bench --folder=IMAGES --python=PEERS/bin/python --out=bench.json

Run it from the root of the repository; README.md lists what each part compares. Each figure has its
own process; ours and the peers run in turn. Peers run under --python; one that is not installed or
fails is left out and listed. The file is written after each process; the same command continues it.
"""

import argparse
import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from experiments.speed import peers, ratios
from experiments.speed.parts import command

READ = 50  # images a batch of the input alone, at least: as a step on an accelerator takes
BESIDE = {"joined": ["step alone"], "checkpoint": ["disk"]}  # no peers
SAME = ("settings", "machine", "code")  # of what all figures of one file are
ENV = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", **os.environ}  # as the launchers set it
SETTINGS: dict[str, Any] = {
    "model": "inception_v3", "dialect": "", "width": 1.0, "stem": "paper", "batch": 8, "size": 299,
    "dtype": "float32", "steps": 5, "ahead": 1, "seconds": 4.0, "folder": "",
}  # fmt: skip
Turn = tuple[str, str, int]  # part, who, round (from 1)
Document = dict[str, Any]


def order(names: Mapping[str, Sequence[str]], rounds: int) -> list[Turn]:
    """All turns: part by part; every other round backwards, so that no one always comes first."""
    return [
        (part, who, number)
        for part, all_ in names.items()
        for number in range(1, rounds + 1)
        for who in (all_ if number % 2 else reversed(all_))
    ]


def opened(head: Document, path: Path | None) -> Document:
    """The document of `path`, to be continued, or a new one; other figures are refused."""
    if not (path and path.exists()):
        return {**head, "runs": [], "results": []}
    try:
        there = json.loads(path.read_text())
        rows = [f"{k}: {there[k]} there, {head[k]} now" for k in SAME if there[k] != head[k]]
        head |= {k: there[k] for k in ("began", "peers", "runs", "results")}
        head["load"] = max(there["load"], head["load"])
    except (ValueError, TypeError, KeyError) as e:
        raise SystemExit(f"--out={path}: expected what this script wrote, or no file; {e!r}") from e
    if rows:
        raise SystemExit("\n".join([f"--out={path} holds other figures; use another:", *rows]))
    return head


def play(turns: list[Turn], found: Document, path: Path | None, call: Callable[..., Any]) -> None:
    """Measures what the document does not have yet; a peer that fails is left out from then on."""
    there = {(r["part"], r["who"], r["round"]) for r in found["runs"]}
    left = [turn for turn in turns if turn not in there]
    print(f"{len(turns) - len(left)} of {len(turns)} were measured before", file=sys.stderr)
    for i, (part, who, number) in enumerate(left, 1):
        if who in found["left_out"]:
            continue
        figures, peak = call(part, who)
        print(f"{i}/{len(left)}", part, who, number, figures, file=sys.stderr, flush=True)
        if "error" in figures and who == "ours":
            raise SystemExit(f"{part}: ours failed: {figures['error']}")
        if "error" in figures:
            found["left_out"][who] = figures["error"]
            continue
        if "versions" in figures:
            found["peers"][who] = figures.pop("versions")
        run = {"part": part, "who": who, "round": number, "figures": figures, "peak_bytes": peak}
        found["runs"].append(run)
        found["results"] = ratios.results(found["runs"])
        if path:
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(found, indent=1) + "\n")
            partial.replace(path)


def process(
    words: Sequence[str], env: Mapping[str, str] = ENV, limit: float = math.inf
) -> tuple[dict[str, Any], int]:
    """The last line that a process prints, and the peak memory of it and its own processes.

    After `limit` seconds it is killed. An error has the last line of its stderr.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        # A session of its own: all of its processes end with it when we are interrupted.
        run = subprocess.Popen(
            words, env=env, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
        late = threading.Timer(min(limit, threading.TIMEOUT_MAX), _kill, [run.pid])
        late.start()
        try:
            with run.stdout or contextlib.nullcontext() as pipe:
                lines = pipe.read().splitlines() if pipe else []
            _, status, used = os.wait4(run.pid, 0)
        except BaseException:
            _kill(run.pid)
            raise
        finally:
            late.cancel()
        run.returncode = code = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = [line.strip() for line in errors if line.strip()]
    if code == 0 and lines and lines[-1].startswith("{"):
        figures = json.loads(lines[-1])
    elif code == -signal.SIGKILL and limit < math.inf:
        figures = {"error": f"ended after {limit:.0f} s"}
    else:
        print(*said[-12:], sep="\n", file=sys.stderr)
        named = [line for line in said if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
        figures = {"error": ": ".join([f"ended with code {code}", *(named or said)[-1:]])}
    return figures, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _kill(session: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def load() -> float:
    """Cores that are at work now, whatever with; 0 where /proc does not count them."""
    looks, stat = [], Path("/proc/stat")
    for _ in range(2 * stat.exists()):
        ticks = [int(word) for word in stat.read_text().split()[1:9]]
        looks.append((ticks[3] + ticks[4], sum(ticks)))  # idle and iowait; all
        time.sleep(1.0)
    idle, total = (b - a for a, b in zip(*looks, strict=True)) if looks else (1, 1)
    return round((os.cpu_count() or 1) * (1 - idle / total), 2)


def main() -> None:
    """Measures what is left, and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, value in SETTINGS.items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"({value})")
    parser.add_argument("--parts", nargs="+", choices=ratios.PARTS, default=[*ratios.PARTS])
    parser.add_argument("--peers", nargs="*", choices=peers.PEERS, default=[*peers.PEERS])
    parser.add_argument("--rounds", type=int, default=3, help="(3)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the peers")
    parser.add_argument("--out", type=Path, help="JSON, written after each process and continued")
    given = parser.parse_args()
    s = {name: getattr(given, name) for name in SETTINGS}
    parts = [p for p in given.parts if s["folder"] or p not in ("input", "joined")]
    about, _ = process(command("about", "ours", s))
    if "error" in about:
        raise SystemExit(about["error"])
    left = {p: "needs --folder=DIR, a folder of images" for p in given.parts if p not in parts}
    head = {"settings": s, **about, "began": date.today().isoformat(), "load": load()}
    found = opened({**head, "peers": {}, "left_out": left}, given.out)
    print("".join(ratios.busy(found)), file=sys.stderr)
    names = {p: [n for n in given.peers if p in peers.PEERS[n]] for p in parts}
    turns = order({p: ["ours", *names[p], *BESIDE.get(p, [])] for p in parts}, given.rounds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the process that measures too
    with tempfile.TemporaryDirectory(dir=given.out and given.out.absolute().parent) as scratch:

        def call(part: str, who: str) -> tuple[dict[str, Any], int]:
            of = s | {"batch": max(s["batch"], READ)} if part == "input" else s
            words = command(part, who, of)
            if who in peers.MEASURES:
                words = [given.python, peers.__file__, who, part, json.dumps(of)]
            return process(words, {**ENV, "TMPDIR": scratch})

        try:
            play(turns, found, given.out, call)
        finally:
            if found["runs"]:
                print("\n".join(ratios.markdown(found)))


if __name__ == "__main__":
    main()
