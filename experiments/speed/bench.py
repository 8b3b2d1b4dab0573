"""How fast everything is beside what one would take instead: ratios, measured in turn.

    python -m experiments.speed.bench --folder=IMAGES --python=PEERS/bin/python --out=bench.json

From the root of the repository. Each figure is a process of its own; ours and the peers run in
turn, `rounds` times, every other round backwards. The peers are those of --python; one that is not
installed there, or fails, is left out and listed. The file is written after every process, and the
same command continues it. What each part compares: experiments/speed/README.md.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
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
# malloc on huge pages, as the launchers set it; for the peers too.
ENV = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", **os.environ}
SETTINGS: dict[str, Any] = {
    "model": "inception_v3", "dialect": "", "width": 1.0, "stem": "paper", "batch": 8, "size": 299,
    "dtype": "float32", "steps": 5, "seconds": 4.0, "folder": "",
}  # fmt: skip
Turn = tuple[str, str, int]  # part, who, round (from 1)


def order(contestants: Mapping[str, Sequence[str]], rounds: int) -> list[Turn]:
    """All turns: part by part; every other round backwards, so that no one always comes first."""
    return [
        (part, who, number)
        for part, names in contestants.items()
        for number in range(1, rounds + 1)
        for who in (names if number % 2 else reversed(names))
    ]


def opened(head: dict[str, Any], path: Path | None) -> dict[str, Any]:
    """The document of `path`, to be continued, or a new one.

    Raises:
        SystemExit: the file is of other settings, another machine or other code, or no document.
    """
    if not (path and path.exists()):
        return {**head, "runs": []}
    try:
        there = json.loads(path.read_text())
        rows = [f"{k}: {there[k]} there, {head[k]} now" for k in SAME if there[k] != head[k]]
        head |= {k: there[k] for k in ("began", "peers", "runs")}
        head["load"] = max(there["load"], head["load"])
    except (ValueError, TypeError, KeyError) as e:
        raise SystemExit(f"--out={path}: expected what this script wrote, or no file; {e!r}") from e
    if rows:
        raise SystemExit("\n".join([f"--out={path} holds other figures; use another:", *rows]))
    return head


def play(
    turns: Sequence[Turn], found: dict[str, Any], path: Path | None, call: Callable[..., Any]
) -> None:
    """Measures what the document does not have yet; a peer that fails is left out from then on.

    Raises:
        SystemExit: ours failed.
    """
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


def process(words: Sequence[str], env: Mapping[str, str] = ENV) -> tuple[dict[str, Any], int]:
    """The last line that a process prints, and the peak memory of it and its own processes.

    It has a session of its own, so that it ends with all its processes when we are interrupted.
    """
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(words, env=env, **pipe) as run:
        try:
            lines = run.stdout.read().splitlines() if run.stdout else []
            _, status, used = os.wait4(run.pid, 0)
        except BaseException:
            os.killpg(run.pid, signal.SIGKILL)
            raise
        run.returncode = code = os.waitstatus_to_exitcode(status)
    well = code == 0 and lines and lines[-1].startswith("{")
    figures = json.loads(lines[-1]) if well else {"error": f"ended with code {code}"}
    return figures, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def load() -> float:
    """Cores that are at work now, whatever with; 0 where /proc does not count them."""
    if not (stat := Path("/proc/stat")).exists():
        return 0.0
    looks = []
    for pause in (1.0, 0.0):
        ticks = [int(w) for w in stat.read_text().split()[1:9]]
        looks.append((ticks[3] + ticks[4], sum(ticks)))  # idle and iowait; all
        time.sleep(pause)
    idle, total = (b - a for a, b in zip(*looks, strict=True))
    return round((os.cpu_count() or 1) * (1 - idle / total), 2)


def host() -> dict[str, str | int]:
    """Processor, cores that this process may use, system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    linux = hasattr(os, "sched_getaffinity")
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if linux else os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


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
    head = {"settings": s, "machine": host() | about["machine"], "code": about["code"]}
    head |= {"began": date.today().isoformat(), "load": load(), "peers": {}, "left_out": left}
    found = opened(head, given.out)
    print("".join(ratios.busy(found)), file=sys.stderr)
    contestants = {
        p: ["ours", *(n for n in given.peers if p in peers.PEERS[n][0]), *BESIDE.get(p, [])]
        for p in parts
    }
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the process that measures too
    with tempfile.TemporaryDirectory(dir=given.out and given.out.absolute().parent) as scratch:

        def call(part: str, who: str) -> tuple[dict[str, Any], int]:
            of = s | {"batch": max(s["batch"], READ)} if part == "input" else s
            words = command(part, who, of)
            if who in peers.MEASURES:
                words = [given.python, peers.__file__, who, part, json.dumps(of)]
            return process(words, {**ENV, "TMPDIR": scratch})

        try:
            play(order(contestants, given.rounds), found, given.out, call)
        finally:
            if found["runs"]:
                print("\n".join(ratios.markdown(found)))


if __name__ == "__main__":
    main()
