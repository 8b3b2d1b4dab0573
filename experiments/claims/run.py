r"""Tries a claim: chooses each arm's rate, trains the seeds, and writes its page.

    python experiments/claims/run.py NAME --config.data.dir=DIR [--dir=runs/claims]
        [--only=rates|final|page|plan] [flags of `sweep launch`, such as --at_once=2]

Each part is a sweep: if it is stopped, the same command goes on. With `--on=slurm` a part is
submitted; start the next one when its runs have ended. `NAME,times=5` trains five times as long,
and `NAME,on=imagenet` at full width on ImageNet-1k; their files and page are in `NAME/run,...`.
`--only=plan` asks `plan` for the hours of the latter, for the page. The figures need matplotlib, of
the extra `sweep`.

What is declared precedes what is found: claim.py and the networks must be committed.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cost
import crops
import figure
import page
import results
import write

from inception_jax.sweep import comparison, folder
from inception_jax.workdir import atomic

HERE = Path(__file__).resolve().parent
PARTS = {"rates": "rate", "final": "best,seed"}
DECLARED = ("page.py", "declare.py", "networks")  # what the results follow from, with claim.py
AGAIN = "_again"  # ends the name of a second trial, whose claim.py says how it differs


def main() -> int:
    """Runs the parts of a claim that are not done."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("name", help="folder of the claim; NAME,times=5 or NAME,on=imagenet")
    parser.add_argument("--dir", type=Path, default=Path("runs/claims"))
    parser.add_argument("--only", choices=(*PARTS, "page", "plan"))
    a, flags = parser.parse_known_args()
    name, arg = a.name.partition(",")[0], f"claim={a.name}"
    if name not in (claims := sorted(path.parent.name for path in HERE.glob("*/claim.py"))):
        parser.error(f"expected one of {', '.join(claims)}, got {name}")
    if find_spec("matplotlib") is None:  # now, not when all is trained
        parser.error("expected matplotlib, for the figures, found none: pip install -e '.[sweep]'")
    (claim, _), run = page.parsed(arg), page.run_folder(arg)
    check_committed(name)
    if a.only == "plan":
        return plan(name)
    for part, sweep in PARTS.items():
        if a.only not in (None, part) or (part == "rates" and not claim.rates):
            continue
        at = a.dir / a.name / part
        count = trials(arg, part)
        if not finished(at, count):
            print(f"{a.name}, {part}: inception-jax sweep status {at} says how far", flush=True)
            words = ["sweep", "launch", f"--config={os.path.relpath(HERE)}/page.py:{arg}", *flags]
            code = launch([*words, f"--sweep={sweep}", f"--dir={at}"])
            if not finished(at, count):
                return code
        keep(at, run / part)
        if part == "rates":
            atomic.write_text(run / "rates.json", json.dumps(results.best_rates(a.name, at)) + "\n")
        elif claim.crops:
            crops.evaluate(claim, at, run / "crops.npz")
    if a.only in (None, "page"):
        if (run / "final").is_dir():
            atomic.write_text(run / results.COUNTED, json.dumps(results.count(a.name)) + "\n")
        publish(a.name, run)
    return 0


def check_committed(name: str) -> None:
    """Refuse to run what git does not know, or knows otherwise."""
    claims = [f"{n}/claim.py" for n in (name, name.removesuffix(AGAIN))]
    paths = [str(HERE / path) for path in (*DECLARED, *claims)]
    changed = subprocess.run(
        ["git", "-C", str(HERE), "status", "--porcelain", "--", *paths],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if changed:
        raise SystemExit(f"commit what the claim declares before it is run:\n{changed}")


def launch(words: list[str]) -> int:
    """The exit code of `inception-jax`; on this machine unless an engine is named."""
    if not any(word.startswith("--on=") for word in words):
        words.append("--on=local")
    process = subprocess.Popen([sys.executable, "-m", "inception_jax", *words])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # it reaches the sweep as well, which ends once its trials have
            continue


def trials(arg: str, part: str) -> int:
    """The number of trials that the claim declares."""
    return math.prod(len(list(getattr(page, f"sweep_{s}")(arg))) for s in PARTS[part].split(","))


def finished(sweep: Path, count: int) -> bool:
    """Whether all `count` trials of a sweep are there and done, or diverged, which counts too."""
    if not (sweep / folder.FILE).is_file():
        return False
    rows = comparison.Comparison(folder.read(sweep)).rows
    ended = [p.state == "done" or (p.trial.folder / "diverged").is_dir() for p in rows]
    return len(rows) >= count and all(ended)


def keep(sweep: Path, to: Path) -> None:
    """Copy what the tables are made of: sweep.json, and each trial's metrics.jsonl."""
    shutil.rmtree(to, ignore_errors=True)
    for path in (sweep / folder.FILE, *sorted(sweep.glob("trials/*/metrics.jsonl"))):
        target = to / path.relative_to(sweep)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def plan(name: str) -> int:
    """Write what a run of the claim takes on ImageNet-1k."""
    run, found = page.run_folder(f"claim={name}"), cost.of_a_run(name)
    run.mkdir(exist_ok=True)
    atomic.write_text(run / "plan.json", json.dumps(found) + "\n")
    if results.read(name):
        publish(name, run)
    return 0


def publish(name: str, run: Path) -> None:
    """Write the claim's page and figure: of `NAME` in its folder, of `NAME,...` beside the runs."""
    found = results.read(name)
    if found is None:
        raise SystemExit(f"{name}: expected runs in {run}, found none")
    home = run.parent if run.name == "run" else run
    figure.draw(found, home / f"{run.parent.name}.png")
    atomic.write_text(home / "README.md", write.page(found))
    if home == run.parent:
        known = [r for n in results.names() if (r := results.read(n))]
        figure.draw_all(known, HERE / "claims.png")
    print("\n".join(write.comparisons(found)), f"\n{found.word}: {home / 'README.md'}")


if __name__ == "__main__":
    sys.exit(main())
