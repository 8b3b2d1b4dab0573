"""Writes what is generated: the READMEs' tables, and the hours of the pages in configs/.

    python experiments/table.py [--check]

`--check` changes nothing and exits 1 if a file is out of date.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import plans
from claims import tables as claims
from finetune import arms
from gpu import results as gpu_results
from recipes import ladder
from speed import ratios

from inception_jax import models
from inception_jax.eval import protocols
from inception_jax.eval.interval import wilson
from inception_jax.plan import chips
from inception_jax.plan.gpus import Gpu
from inception_jax.progress import duration
from inception_jax.report import runs
from inception_jax.weights import PEERS
from inception_jax.weights.formats import SUFFIXES
from inception_jax.weights.layouts import KERAS, SLIM, TORCH

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- {}:begin (python experiments/table.py) -->", "<!-- {}:end -->"
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
    assert run.seconds is not None  # it has lines
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


def results() -> list[str]:
    """A line for each run."""
    return [
        HEAD,
        *(row(path.parent) for path in sorted(ROOT.glob("experiments/*/run/config.json"))),
    ]


def golden() -> dict[str, dict[str, dict[str, Any]]]:
    """The facts that the tests hold, by network and dialect."""
    facts = json.loads((ROOT / "tests" / "models" / "golden.json").read_text())
    return {
        name: {d: {k: f["value"] for k, f in form.items()} for d, form in forms.items()}
        for name, forms in facts.items()
    }


def networks() -> list[str]:
    """A line for each network, with the counts of its default dialect."""
    lines = ["| network | paper | dialects | parameters | G MACs |", "|---|---|---|---|---|"]
    for name, forms in golden().items():
        default, *others = models.dialects(name)
        paper = models.MODELS[name].PAPER.removeprefix("arXiv:")
        dialects = ", ".join([f"**{default}**", *others])
        value, page = forms[default], f"configs/{name.removesuffix('_naive')}.py"
        lines.append(
            f"| [`{name}`]({page}) | [{paper}](https://arxiv.org/abs/{paper}) | {dialects} "
            f"| {value['params']:,} | {value['macs'] / 1e9:.3f} |"
        )
    return lines


def variants() -> list[str]:
    """A line for each network and dialect."""
    lines = [
        "| network | dialect | parameters | with heads | G MACs | description |",
        "|---|---|---|---|---|---|",
    ]
    for name, forms in golden().items():
        for i, (dialect, value) in enumerate(forms.items()):
            params, heads = value["params"], value["params_with_aux"]
            cells = [
                f"`{name}`" if i == 0 else "", f"`{dialect}`", f"{params:,}",
                f"{heads:,}" if heads != params else "", f"{value['macs'] / 1e9:.3f}",
                value["about"],
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return lines


def speed(file: str = "bench.json") -> list[str]:
    """The machine, a line for each figure and peer, and what must be known of them."""
    return ratios.markdown(json.loads((ROOT / "experiments" / "speed" / file).read_text()))


def gpu(name: str) -> list[str]:
    """What GPU machines gave, of the files that `experiments/gpu/measure.sh` writes."""
    paths = sorted((ROOT / "experiments" / "gpu").glob(f"{name}*.json"))
    found = [gpu_results.markdown(json.loads(path.read_text())) for path in paths]
    return [line for lines in found for line in [*lines, ""]][:-1] or ["Not measured yet."]


def protocol_rows() -> list[str]:
    """A line for each evaluation protocol."""
    rows = [f"| `{n}` | {protocols.COUNTS[n]} | {about} |" for n, about in protocols.ABOUT.items()]
    return ["| protocol | views | which |", "|---|---|---|", *rows]


# Framework, and the formats its weights come in.
FRAMEWORKS = (
    (TORCH, "PyTorch", ("safetensors", "torch")),
    (KERAS, "Keras", ("keras",)),
    (SLIM, "TensorFlow", ("tensorflow",)),
)


def peers() -> list[str]:
    """A line for each peer: its framework, file kinds, and networks."""
    lines = ["| peer | framework | files | networks |", "|---|---|---|---|"]
    networks: dict[str, list[str]] = {}
    layouts = {}
    for name, peer in PEERS.items():
        package, _, network = name.partition(":")
        networks.setdefault(package, []).append(f"`{network}`")
        layouts[package] = peer.layout
    for package, names in networks.items():
        framework, kinds = next(f[1:] for f in FRAMEWORKS if f[0] is layouts[package])
        files = ", ".join(f"`{suffix}`" for kind in kinds for suffix in SUFFIXES[kind])
        lines.append(f"| `{package}` | {framework} | {files} | {', '.join(names)} |")
    return lines


def chip_rows() -> list[str]:
    """A line for each TPU and GPU that can be planned for."""
    lines = [
        "| chip | bfloat16 TFLOP/s | memory GiB | GB/s | links GB/s | network GB/s | source |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {c.name} | {c.flops / 1e12:g} | {c.memory / 2**30:.3g} | {c.bandwidth / 1e9:.4g} | "
        f"{c.links / 1e9:g} | {f'{c.network / 1e9:g}' if isinstance(c, Gpu) else ''} | {c.source} |"
        for c in chips.CHIPS
    ]
    return lines


def int8_rows() -> list[str]:
    """Two lines for each run whose graphs `int8/measure.py` has compared."""
    lines = ["| run | test images | | top-1 | 95% interval | file | images/s |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for path in sorted((ROOT / "experiments" / "int8").glob("*.json")):
        found = json.loads(path.read_text())
        for i, form in enumerate(("float32", "int8")):
            run, (low, high) = found[form], found[form]["interval"]
            name, count = (path.stem, f"{found['images']:,}") if i == 0 else ("", "")
            lines.append(
                f"| {name} | {count} | {form} | {run['top1']:.2%} | {low:.2%} to {high:.2%} "
                f"| {run['bytes'] / 1e6:.2f} MB | {run['images_per_s']:,.0f} |".replace(
                    "|  |", "| |"
                )
            )
    return lines


TABLES = {
    "README.md": {"results": results, "networks": networks},
    "configs/README.md": {"recipes": plans.table},
    "experiments/claims/README.md": {"claims": claims.table, "figures": claims.figures},
    "experiments/finetune/README.md": {"arms": arms.table},
    "experiments/gpu/README.md": {name: partial(gpu, name) for name in ("before", "after")},
    "experiments/int8/README.md": {"int8": int8_rows},
    "experiments/recipes/README.md": {"ladder": ladder.tables, "plans": ladder.plans},
    "experiments/speed/README.md": {
        "speed": speed,
        "speed of xception": partial(speed, "xception.json"),
    },
    "inception_jax/models/README.md": {"variants": variants},
    "inception_jax/eval/README.md": {"protocols": protocol_rows},
    "inception_jax/weights/README.md": {"peers": peers},
    "inception_jax/plan/README.md": {"chips": chip_rows},
}


def put(text: str, name: str, lines: list[str]) -> str:
    """`text` with the lines between the marks of `name`."""
    begin, end = BEGIN.format(name), END.format(name)
    head, tail = text.index(begin) + len(begin), text.index(end)
    return text[:head] + "\n" + "\n".join(lines) + "\n" + text[tail:]


def put_times(text: str, lines: list[str]) -> str:
    """A page with the lines as the last paragraph of its docstring."""
    head = text.index("\nTime: ") + 1
    return text[:head] + "\n".join(lines) + "\n" + text[text.index('"""\n', head) :]


def texts() -> Iterator[tuple[Path, str]]:
    """Each file with generated lines, and what it should be."""
    for file, tables in TABLES.items():
        text = (ROOT / file).read_text()
        for name, lines in tables.items():
            text = put(text, name, lines())
        yield ROOT / file, text
    yield from claims.pages()
    for name in dict.fromkeys(recipe[0] for recipe in plans.RECIPES):
        path = ROOT / "configs" / f"{name}.py"
        yield path, put_times(path.read_text(), plans.times(name))


def main() -> int:
    """Rewrites the tables, or checks them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    old = []
    for path, text in texts():
        if text != path.read_text():
            old.append(str(path.relative_to(ROOT)))
            if not check:
                path.write_text(text)
    if check:
        advice = f"{', '.join(old)} out of date: run python experiments/table.py"
        print(advice if old else "up to date")
    return int(check and bool(old))


if __name__ == "__main__":
    sys.exit(main())
