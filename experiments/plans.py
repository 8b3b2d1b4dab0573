"""Plans every recipe of a paper on one topology, for the hours in `configs/`.

    python experiments/plans.py --topology=v5e-16     # with .[tpu]; minutes a recipe
    python experiments/plans.py --topology=h100-8     # with .[cuda13]
    python experiments/table.py                       # writes the table and the pages' hours

Adds a line for each recipe to `plans.jsonl`. A recipe that has one of its present config is not
planned again, so the command resumes; with --again all are.
"""

import argparse
import hashlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from inception_jax import config as configs
from inception_jax.cli import pages

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "experiments" / "plans.jsonl"
TOPOLOGIES = {"v5e-16": "16 TPU v5e", "h100-8": "8 H100"}
# Images/s that one core decodes, crops and resizes, by pixels: photographs, measured
# (inception_jax/data/README.md).
CORE = {224: 895, 299: 862}
POLICY = 0.73  # of them with RandAugment, measured there
# A page, an argument, the argument that is planned, and what is published for one crop. Where the
# paper's replicas do not split over 8 and 16 devices, the nearest number is planned that does;
# BN-x5's program is BN-x30's but for the rate.
RECIPES = (
    ("googlenet", "", "", "10.07% top-5 error"),
    ("bn_inception", "rate=1", "rate=1", "72.7% top-1"),
    ("bn_inception", "rate=5", "", "73.0% top-1"),
    ("bn_inception", "", "", "74.8% top-1"),
    ("inception_v2", "", "replicas=48", "23.4% top-1 error"),
    ("inception_v3", "", "replicas=48", "21.2% top-1 error"),
    ("inception_v3", "tpu", "tpu,replicas=16", "78.1% top-1"),
    ("inception_v4", "", "replicas=16", "20.0% top-1 error"),
    ("inception_v4", "tpu", "tpu,replicas=16", ""),
    ("inception_resnet_v1", "", "replicas=16", "21.3% top-1 error"),
    ("inception_resnet_v2", "", "replicas=16", "19.9% top-1 error"),
    ("xception", "", "", "79.0% top-1"),
    *(
        ("modern", argument, argument, published)
        for argument, published in (
            ("model=inception_v3,recipe=mixup200", "78.77% top-1 (GluonCV)"),
            ("model=inception_v4,recipe=mixup200", "80.77% top-1 (PaddlePaddle)"),
            ("model=inception_v3,budget=a3", ""),
            ("model=inception_v4,budget=a2", ""),
            ("model=inception_resnet_v2,budget=a1", ""),
        )
    ),
)


def page(name: str, argument: str) -> str:
    """The value of --config: `configs/NAME.py:ARGUMENT`."""
    return f"configs/{name}.py" + (f":{argument}" if argument else "")


def digest(given: str) -> str:
    """Of the config of a page: its values that are not defaults, so that a new key changes none."""
    values = dict(configs.flatten(configs.ordered(pages.load(str(ROOT / given)))))
    chosen = {k: v for k, v in values.items() if configs.DEFAULTS.get(k) != v}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]


def read() -> dict[tuple[str, str], dict[str, Any]]:
    """The last line of each page and topology."""
    lines = map(json.loads, FILE.read_text().splitlines())
    return {(line["config"], line["topology"]): line for line in lines}


def line(given: str, topology: str) -> dict[str, Any]:
    """The figures of a plan that tables show."""
    words = ["plan", f"--config={given}", f"--topology={topology}", "--json"]
    command = [sys.executable, "-m", "inception_jax", *words]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    plan = json.loads(done.stdout)
    return {
        "config": given,
        "topology": topology,
        "digest": digest(given),
        "batch_size": plan["batch_size"],
        "devices": plan["devices"]["count"],
        "hosts": plan["devices"]["hosts"],
        "memory": plan["memory"]["total"] / plan["memory"]["capacity"],
        "epochs": plan["recipe"]["epochs"],
        "images_per_s": plan["step"]["images_per_s"],
        "hours": plan["recipe"]["hours"],
        "chip_hours": plan["recipe"]["chip_hours"],
    }


def table() -> list[str]:
    """A line for each recipe and topology."""
    found = read()
    lines = [
        "| page | recipe | published, one crop | planned on | batch | images/s | hours | "
        "chip-hours | cores a host |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, argument, planned, published in RECIPES:
        given = page(name, argument)
        c = pages.load(str(ROOT / given))
        first = [
            f"[`{given.removeprefix('configs/')}`]({name}.py)",
            f"{c.optim.name} {c.optim.lr:.3g}, {c.train.epochs:g} epochs",
            published or "none",
        ]
        for topology, title in TOPOLOGIES.items():
            plan = found.get((page(name, planned), topology))
            cells = [*first, title, *(_cells(plan, c) if plan else ["-"] * 5)]
            lines.append(f"| {' | '.join(cells)} |")
            first = [""] * len(first)
    return [line.replace("|  ", "| ") for line in lines]


def _cells(plan: dict[str, Any], c: configs.Config) -> list[str]:
    nearest = min(CORE, key=lambda pixels: abs(pixels - c.data.image_size))
    core = CORE[nearest] * (1 if c.augment.policy == "none" else POLICY)
    cores = math.ceil(plan["images_per_s"][1] / plan["hosts"] / core)
    spans = [_span(plan[key]) for key in ("images_per_s", "hours", "chip_hours")]
    return [f"{plan['batch_size']:,}", *spans, str(cores)]


def times(name: str) -> list[str]:
    """The last paragraph of a page's docstring: the hours of each of its recipes."""
    found = read()
    lines = ["Time: hours by `plan`, without evaluations (more in configs/README.md):"]
    for _, argument, planned, _ in (r for r in RECIPES if r[0] == name):
        plans = {t: found.get((page(name, planned), t)) for t in TOPOLOGIES}
        hours = [f"{TOPOLOGIES[t]} {_span(p['hours']) if p else '-'}" for t, p in plans.items()]
        label = f":{argument if name == 'bn_inception' else planned}".rstrip(":")
        lines.append(f"    {label or 'no argument':18} {', '.join(hours)}")
    return lines


def _span(pair: list[float]) -> str:
    digits = 0 if pair[1] >= 100 else 1
    return " to ".join(f"{v:,.{digits}f}" for v in pair)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topology", choices=tuple(TOPOLOGIES), required=True)
    parser.add_argument("--pages", type=lambda v: v.split(","), help="only these: names, by comma")
    parser.add_argument("--again", action="store_true")
    args = parser.parse_args()
    failed = 0
    for name, _, planned, _ in RECIPES:
        given = page(name, planned)
        known = read().get((given, args.topology))
        if args.pages and name not in args.pages:
            continue
        if known and known["digest"] == digest(given) and not args.again:
            continue
        try:
            found = line(given, args.topology)
        except subprocess.CalledProcessError as e:
            print(f"{given} on {args.topology}: plan exited with {e.returncode}", file=sys.stderr)
            failed += 1
            continue
        with FILE.open("a") as file:
            file.write(json.dumps(found) + "\n")
        low, high = found["hours"]
        print(f"{given} on {args.topology}: {low:.1f} to {high:.1f} hours")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
