"""A model card: a run's facts as the README.md of a repository on the Hugging Face hub.

Everything is read from the run's files. Sections that only the author can write hold a placeholder.
https://huggingface.co/docs/hub/model-cards
"""

import re
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from inception_jax.config import Config, tasks
from inception_jax.config.tasks import METRICS, PROPORTION
from inception_jax.errors import ConfigError
from inception_jax.models import from_config
from inception_jax.progress import duration
from inception_jax.report import facts, runs
from inception_jax.report.formats import percent, whole
from inception_jax.report.results import SplitResult
from inception_jax.weights.import_weights import read_source

LIBRARIES = ("jax", "flax", "optax", "numpy")
LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
OPEN = "Not stated by the author of this run."
# By task: the hub's name of it, and what kind of answer an image gets.
PIPELINES = {
    "classification": "image-classification",
    "multilabel": "image-classification",
    "regression": "image-regression",
    "embedding": "image-feature-extraction",
}
ANSWERS = {
    "softmax": "It answers each image with one of its {count} classes, also an image of none of "
    "them.",
    "sigmoid": "It gives each of its {count} labels a probability of its own; how high one must be "
    "to count is the user's choice.",
    "identity": "It answers each image with {count} numbers, also an image unlike all it was "
    "trained on.",
    "unit": "It gives embeddings, no classes.",
}
TEXT = """\
# {name}

{network}, {outputs}, step {step} of a run of inception_jax. `config.json` is its complete config.

    inception-jax import {origin} --out=runs/{short}
    inception-jax predict photo.jpg --workdir=runs/{short}

## Results

{results}

## Model

| | |
|---|---|
{facts}

## Training

{training}

## Intended use

{open}

## Limits

- {answers}
- {measured}
- Images must be cropped and resized as the config's `data` section says; `predict` does so.

## License

{license}
"""


def write(run: Path, config: Config, step: int, name: str, license: str = "") -> str:
    """The text of a run's card.

    Args:
        run: its directory.
        config: its config, as it is exported.
        step: that is exported; only its results are given.
        name: `USER/NAME`.
        license: the hub's identifier, such as `apache-2.0`; left open if empty.

    Raises:
        ConfigError: `license` is no identifier.
    """
    if license and not LICENSE.fullmatch(license):
        raise ConfigError(
            f"--license={license}: expected an identifier of the hub, such as apache-2.0 or "
            f"cc-by-4.0 (https://huggingface.co/docs/hub/repositories-licenses)"
        )
    read, short, count = runs.read(run), name.partition("/")[2], config.model.num_classes
    task = tasks.of(config.data)
    measured = [r for r in read.results if r.metrics and r.count and r.step == step]
    splits = ", ".join(_split(r) for r in measured)
    head = yaml.safe_dump(
        _metadata(config, short, license, measured), sort_keys=False, allow_unicode=True
    )
    text = TEXT.format(
        name=short, short=short, origin=f"hub:{name}", step=f"{step:,}",
        network=f"`{config.model.name}` ({config.model.dialect})",
        outputs=f"{count} {task.targets}" if count else "without a classifier",
        results=_results(measured), open=OPEN, license=license or OPEN,
        facts="\n".join(f"| {key} | {value} |" for key, value in _facts(read, config).items()),
        training=_training(read, config, run, step),
        answers=ANSWERS[task.activation if count else "unit"].format(count=count),
        measured=f"Measured on {splits} of {_data(config)} only." if measured else "Not measured.",
    )  # fmt: skip
    return f"---\n{head}---\n\n{text}"


def _metadata(
    config: Config, name: str, license: str, measured: list[SplitResult]
) -> dict[str, Any]:
    """The YAML block, which the hub reads."""
    pipeline = PIPELINES[config.data.task]
    results = [
        {
            "task": {"type": pipeline},
            "dataset": {"name": _data(config), "type": _data(config), "split": _split(r)},
            "metrics": [
                {"type": _hub_metric(key), "name": METRICS[key].title, "value": value}
                for key, value in r.metrics.items()
            ],
        }
        for r in measured
    ]
    return {
        **({"license": license} if license else {}),
        "library_name": "inception_jax",
        # The hub has no pipeline of image regression.
        **({"pipeline_tag": pipeline} if pipeline != "image-regression" else {}),
        "tags": [pipeline, "jax", "inception", config.model.name],
        **({"model-index": [{"name": name, "results": results}]} if results else {}),
    }


def _hub_metric(key: str) -> str:
    return "accuracy" if key in ("top1", "top5") else key


def _results(measured: list[SplitResult]) -> str:
    if not measured:
        return "The run's files have no evaluation of this step."
    score, *others = dict.fromkeys(key for r in measured for key in r.metrics)
    columns = {
        "split": [_split(r) for r in measured],
        "images": [whole(r.count or 0) for r in measured],
        METRICS[score].title: [_value(r, score) for r in measured],
        "95% interval": [_interval(r, score) for r in measured],
        **{METRICS[key].title: [_value(r, key) for r in measured] for key in others},
    }
    note = "One crop an image unless the split's name says otherwise"
    if METRICS[score].kind == PROPORTION:
        note += "; Wilson's interval, which knows the number of images, not how they were chosen"
    else:
        del columns["95% interval"]
    rows = [columns, ["---"] * len(columns), *zip(*columns.values(), strict=True)]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", f"{note}."])


def _value(result: SplitResult, key: str) -> str:
    value = result.metrics.get(key)
    return "" if value is None else METRICS[key].text(value)


def _interval(result: SplitResult, key: str) -> str:
    ends = result.interval(result.metrics.get(key))
    return " to ".join(map(percent, ends)) if ends else ""


def _facts(read: runs.Run, config: Config) -> dict[str, str]:
    """What the network is, and what it takes."""
    m, d = config.model, config.data
    model = from_config.build_model(m, d.channels)
    p = model.preprocessing
    colours = "RGB" if d.channels == 3 else f"{d.channels} channels of {d.dtype}"
    size = d.eval_size or d.image_size
    found = {
        "network": f"`{m.name}`, {getattr(model, 'PAPER', '')}".rstrip(", "),
        "dialect": f"`{m.dialect}`",
        "width": f"{m.width:g} of the paper's channels",
        "stem": f"`{m.stem}`",
        "parameters": f"{read.params:,}" if read.params else "",
        "left out": ", ".join(m.drop_rows),
        "input": f"{colours}, {size}x{size}, `{d.resize}`, {d.interpolation}, crop {d.eval_crop:g}",
        "normalisation": f"mean {_numbers(p.mean)}, std {_numbers(p.std)} of 0..255, {p.channels}",
    }
    return {key: value for key, value in found.items() if value}


def _numbers(values: Any) -> str:
    return " ".join(f"{v:.4g}" for v in values)


def _training(read: runs.Run, config: Config, run: Path, step: int) -> str:
    """Data, recipe and time, from the config and the run's records."""
    if source := read_source(run):
        return (
            f"Not trained by inception_jax: the weights are those of `{source.get('peer')}`, file "
            f"`{source.get('file')}`, sha256 `{source.get('sha256')}`."
        )
    o, last = config.optim, read.train.newest if read.train else {}
    origin = read.attempts[-1].origin if read.attempts else {}
    lines = [f"- data: {_data(config)}, split `{config.data.train_split}`"]
    if last.get("epoch") and last.get("step"):
        images = last["step"] * config.data.batch_size / last["epoch"]
        epochs = last["epoch"] * step / last["step"]
        lines[0] += f", {whole(images)} images"
        lines.append(f"- {epochs:.4g} epochs: {step:,} steps of {config.data.batch_size} images")
    lines.append(f"- `{o.name}`, learning rate {o.lr:g}, `{o.schedule}`; seed {config.seed}")
    if read.seconds is not None:
        n = len(read.attempts) or 1
        lines.append(f"- time of the run: {duration(read.seconds)}, {n} attempt{'s' * (n > 1)}")
    trained = {"devices": facts.devices(origin), "code": facts.code(origin)}
    lines += [f"- {name}: {text}" for name, text in trained.items() if text]
    versions = ", ".join(f"{n} {metadata.version(n)}" for n in LIBRARIES)
    return "\n".join([*lines, f"- exported with {versions}"])


def _data(config: Config) -> str:
    """The data set's name; of a folder its last part, as only that leaves the machine."""
    d = config.data
    return Path(d.dir).name if d.source == "folder" else d.name or d.source


def _split(result: SplitResult) -> str:
    return result.label.partition(" (")[0]
