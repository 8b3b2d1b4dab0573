"""Writes the README's results table from the run files in experiments/*/run.

    python experiments/table.py [--check]

`--check` changes nothing and exits 1 if the README is not up to date.
"""

import argparse
import json
import sys
from pathlib import Path

from inception_jax.progress import duration
from inception_jax.report import runs
from inception_jax.report.results import wilson

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results:begin (python experiments/table.py) -->", "<!-- results:end -->"
HEAD = (
    "| experiment | network | epochs | time | images | test top-1 (95% interval) |\n"
    "|---|---|---|---|---|---|"
)


def row(folder: Path) -> str:
    """One run's line: its config, how long its processes worked, and its last evaluation."""
    config = json.loads((folder / "config.json").read_text())
    split = config["eval"]["split"]
    result = json.loads((folder / "eval" / f"{split}.json").read_text())
    run = runs.read(folder)
    low, high = wilson(result["top1"], result["count"])
    model = config["model"]
    name = folder.parent.name
    return " | ".join(
        [
            f"| [{name}](experiments/{name}/)",
            f"`{model['name']}` ({model['dialect']}), width {model['width']:g}",
            f"{config['train']['epochs']:g}",
            duration(run.seconds),
            f"{result['count']:,}",
            f"**{result['top1']:.2%}** ({low:.2%} to {high:.2%}) |",
        ]
    )


def main() -> int:
    """Rewrites the table, or checks it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    rows = [row(path.parent) for path in sorted(ROOT.glob("experiments/*/run/config.json"))]
    readme = ROOT / "README.md"
    text = readme.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    new = text[:start] + "\n" + "\n".join([HEAD, *rows]) + "\n" + text[end:]
    if check:
        print("up to date" if new == text else "README.md is old: run python experiments/table.py")
        return int(new != text)
    readme.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
