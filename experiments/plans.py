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
import subprocess
import sys
from pathlib import Path
from typing import Any

from inception_jax import config as configs
from inception_jax.cli import pages

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "experiments" / "plans.jsonl"
TOPOLOGIES = ("v5e-16", "h100-8")
# A page, an argument, and the argument that is planned: where the paper's replicas do not split
# over 8 and 16 devices, the nearest number that does. BN-x5's program is BN-x30's but for the rate.
RECIPES = (
    ("googlenet", "", ""),
    ("bn_inception", "rate=1", "rate=1"),
    ("bn_inception", "rate=5", ""),
    ("bn_inception", "", ""),
    ("inception_v2", "", "replicas=48"),
    ("inception_v3", "", "replicas=48"),
    ("inception_v3", "tpu", "tpu,replicas=16"),
    ("inception_v4", "", "replicas=16"),
    ("inception_v4", "tpu", "tpu,replicas=16"),
    ("inception_resnet_v1", "", "replicas=16"),
    ("inception_resnet_v2", "", "replicas=16"),
    ("xception", "", ""),
)


def page(name: str, argument: str) -> str:
    """The value of --config: `configs/NAME.py:ARGUMENT`."""
    return f"configs/{name}.py" + (f":{argument}" if argument else "")


def digest(given: str) -> str:
    """Of the config of a page: its values that are not defaults, so that a new key changes none."""
    values = dict(configs.flatten(configs.ordered(pages.load(given))))
    chosen = {k: v for k, v in values.items() if configs.DEFAULTS.get(k) != v}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:16]


def read() -> dict[tuple[str, str], dict[str, Any]]:
    """The last line of each page and topology."""
    lines = map(json.loads, FILE.read_text().splitlines() if FILE.exists() else [])
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topology", choices=TOPOLOGIES, required=True)
    parser.add_argument("--pages", type=lambda v: v.split(","), help="only these: names, by comma")
    parser.add_argument("--again", action="store_true")
    args = parser.parse_args()
    failed = 0
    for name, _, planned in RECIPES:
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
        print(f"{given} on {args.topology}: {found['hours']}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
