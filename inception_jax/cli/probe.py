"""inception-jax probe [DIR] --workdir=RUN [--row=pool] [--split=test] [--shots=1,5,10] [--json]

How good the features of a trained network are for images: top-1 of logistic regression on them (a
linear probe), of the nearest neighbours by cosine, and of logistic regression on a few images a
class. DIR holds train/<class>/* and SPLIT/<class>/*; without it, it is the run's own data set. The
strength of L2 and the number of neighbours are chosen on a fifth of the training images.

--row names end-points of the network, separated by commas; features on a grid are averaged over it.
They are computed once and kept in RUN/features. Results are written to RUN/probe/SPLIT.json.
"""  # noqa: D415

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic

if TYPE_CHECKING:
    from inception_jax.eval.probe import ProbeResult

NAMES = {"linear": "linear probe", "knn": "nearest neighbours"}


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("probe", __doc__).run(overrides.EVAL).json()
    flags.arguments("at most one folder", "photos/ --workdir=runs/v3", 0, 1)
    flags.text("row", "pool", "end-points whose features to probe, separated by commas")
    flags.text("split", "", "split to evaluate; the config's eval.split if not given")
    flags.text("shots", "1,5,10", "images a class, separated by commas")
    flags.whole("step", None, "step to use; the newest if not given")
    values = flags.parse(argv)
    config, workdir = flags.config(), Path(values.workdir)
    if flags.words:
        config.data.source, config.data.dir = "folder", flags.words[0]
        config.data.task, config.data.labels = "classification", ""
    if config.data.task not in ("classification", "embedding"):
        raise ConfigError(
            f"--workdir: expected images of one class each, got a run with data.task="
            f"{config.data.task}; name a folder with train/<class>/ and SPLIT/<class>/"
        )
    try:
        shots = [int(word) for word in values.shots.split(",") if word]
    except ValueError as e:
        raise ConfigError(f"--shots={values.shots}: expected whole numbers, such as 1,5,10") from e
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    split = values.split or config.eval.split
    rows = [row for row in values.row.split(",") if row]
    found = probed(config, workdir, values.step, rows, split, shots, quiet=values.json)
    path = workdir / "probe" / f"{split}.json"
    path.parent.mkdir(exist_ok=True)
    atomic.write_text(path, json.dumps(found, indent=1))
    if values.json:
        print(json.dumps(found))


def probed(
    config: Any, workdir: Path, step: int | None, rows: list[str], split: str, shots: list[int],
    quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    """The results of all rows; unless `quiet`, each is printed as it comes."""
    import numpy as np

    from inception_jax.data.sources.open import open_source
    from inception_jax.eval import loading
    from inception_jax.eval.feature_cache import FeatureCache
    from inception_jax.eval.probe import probe, readable
    from inception_jax.eval.protocols import from_data_section
    from inception_jax.runtime import mesh as meshes

    splits = (config.data.train_split, split)
    sources = {name: open_source(config.data, name) for name in splits}
    labels = {
        name: np.array([source.label(i) for i in range(len(source))])
        for name, source in sources.items()
    }
    network = loading.from_run(config, workdir, step)
    mesh = meshes.make(config.mesh.data, config.mesh.model)
    cache = FeatureCache(
        workdir / "features", network.model, network.variables, mesh, config.eval.batch_size,
        pooled=True,
    )  # fmt: skip
    own = from_data_section(config.data, "config")
    features = {name: cache.get(rows, sources[name], name, config.data, own) for name in splits}
    head = {"split": split, "step": network.step, "classes": len(sources[split].classes)}
    head |= {"train_images": len(labels[splits[0]]), "images": len(labels[split])}
    results: dict[str, list[Any]] = {}
    for row in rows:
        train, test = (readable(features[name][row], labels[name]) for name in splits)
        if not quiet:
            print(f"{row}: {train.x.shape[1]:,} features; trained on {len(train.x):,} images of "
                  f"{head['classes']} classes, top-1 on {len(test.x):,} of {split}")  # fmt: skip
        results[row] = []
        for result in probe(train, test, shots, config.seed):
            results[row].append(result._asdict())
            if not quiet:
                print(f"  {line(result)}")
    return {**head, "rows": results}


def line(result: "ProbeResult") -> str:
    """A result for the terminal."""
    if result.kind == "fewshot":
        name = f"{result.chosen:.0f} image{'s' * (result.chosen > 1)} a class"
    else:
        name = NAMES[result.kind]
    chosen = {"linear": f"L2 1/{result.chosen:.3g}", "knn": f"k = {result.chosen:.0f}"}
    more = chosen.get(result.kind, "mean of 5 draws")
    return f"{name:20} {result.top1:7.2%}  ({result.low:.2%} to {result.high:.2%})  {more}"
