"""inception-jax plan --config=PAGE [--topology=v5e-16] [--devices=N] [--compare=AXES] [--json]

Will it fit, how long will it take, what limits it? Compiles the very step that `train` would run,
for N virtual devices of the CPU or, where jax[tpu] is installed, for a TPU slice (v4, v5e, v5p,
v6e): no TPU is needed, no array allocated. Prints the bytes of a device and every collective; of
a TPU also arithmetic, memory traffic, step time, images/s, and hours and chip-hours of the recipe.

All of it is the compiler's estimate. Compiling takes minutes; the second time the answer is there
at once. With --compare=all, the same with one thing changed at a time: dtype, batch, recompute,
bn_group, sharding, vmem; or those of them that are named. What does not fit ends with 78 and says
what would. The images need not be here: ImageNet's number is known, or give --images.
(The CPU's compiler sums 16 bits in 32 and scatters by an all-reduce. There is no plan for GPUs: see
experiments/speed.)
"""  # noqa: D415

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, UserError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("plan", __doc__ or "").page()
    flags.whole("devices", None, "so many devices (a topology's: all; else 1)", low=1)
    flags.text("topology", "", "a TPU slice: v5e-16, or as JAX names it, v5e:4x4")
    flags.text("compare", "", "axes to vary, such as dtype,batch; `all` for every one")
    flags.text("input", "", "what a host delivers: a file that `data bench --json` wrote")
    flags.whole("images", None, "images of an epoch, if the data are not here", low=1)
    flags.switch("json", "print JSON")
    values = flags.parse(argv)
    config = flags.config()
    if not values.topology:
        _pretend(values.devices or 1)
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    _answer(config, values)


def _answer(config: Any, values: Any) -> None:
    from inception_jax.plan import compare, devices
    from inception_jax.plan import text as page

    axes = _axes(values.compare, list(compare.AXES))
    found = devices.topology(values.topology) if values.topology else devices.virtual()
    if (values.devices or 1) > len(found):
        raise ConfigError(f"--devices={values.devices}: expected at most {len(found)}")
    planner = Planner(found[: values.devices], values)
    base = planner.plan(config)
    if axes:
        each = config.data.batch_size // base["devices"]["mesh"]["data"]
        pairs = list(compare.changes(config, each, axes))
        rows = [planner.tried(c, str(change)) for change, c in pairs]
        names = [str(change) for change, _ in pairs]
        best = compare.frontier(rows)
        shown = page.head(base) + "\n\n" + compare.text(names, rows)
        found = [
            {"change": change.values, "frontier": b, **row}
            for (change, _), row, b in zip(pairs, rows, best, strict=True)
        ]
        print(json.dumps(found) if values.json else shown)
        return
    print(json.dumps(base) if values.json else page.text(base))


class Planner:
    """Plans configs for one set of devices, each once for as long as nothing changes."""

    def __init__(self, devices: Sequence[Any], values: Any):
        self._devices, self._values = devices, values
        self._bench = _bench(values.input) if values.input else None

    def plan(self, config: Any) -> dict[str, Any]:
        """The plan of a config.

        Raises:
            ConfigError: it does not fit, or cannot be laid out so.
        """
        from inception_jax import plan
        from inception_jax.plan import advice, store
        from inception_jax.train.program import Program

        images = _images(config, self._values.images)
        program = Program(config, images, self._devices)
        target = f"{self._values.topology} {len(self._devices)} {images}"

        def make() -> dict[str, Any]:
            with _waiting(f"compiling {config.model.name} for {len(self._devices)} devices"):
                try:
                    return plan.of(program)
                except plan.DoesNotFitError as e:
                    return {**plan.about(program), "needed": e.needed, "capacity": e.capacity}

        found = store.cached(store.key(config, target), make)
        if "needed" in found:
            raise ConfigError(advice.of(config, found))
        if self._bench and "step" in found:
            found["input"] = advice.of_input(found, self._bench)
        return found

    def tried(self, config: Any, name: str) -> dict[str, Any]:
        """The plan, or {"error": the reason in a line} of what cannot be."""
        print(f"{name} ...", file=sys.stderr)
        try:
            return self.plan(config)
        except UserError as e:
            return {"error": str(e).splitlines()[0]}


def _axes(text: str, known: list[str]) -> list[str]:
    if text in ("", "all"):
        return known if text else []
    for name in text.split(","):
        if name not in known:
            raise ConfigError(f"--compare={text}: expected some of {', '.join(known)}, or all")
    return text.split(",")


def _images(config: Any, given: int | None) -> int:
    """Images of an epoch: as given, as the data have them, or ImageNet's."""
    if given:
        return given
    from inception_jax.data import imagenet
    from inception_jax.data.sources.open import open_source

    try:
        return len(open_source(config.data, config.data.train_split))
    except UserError as e:
        if config.data.name == imagenet.NAME and config.data.train_split in imagenet.IMAGES:
            return imagenet.IMAGES[config.data.train_split]
        raise ConfigError(f"{e}\nTo plan without the data, give --images=N of an epoch") from e


def _bench(path: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_text())
        return {"images_per_s": float(found["images_per_s"])}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ConfigError(
            f"--input={path}: expected the output of `data bench --json` ({e})"
        ) from e


@contextlib.contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Says every ten seconds for how long it has been waited."""
    from inception_jax.progress import duration

    done, began = threading.Event(), time.monotonic()

    def tell() -> None:
        while not done.wait(10):
            print(f"{what}: {duration(time.monotonic() - began)}", file=sys.stderr, flush=True)

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _pretend(count: int) -> None:
    """Asks for virtual devices; they must be, before JAX is imported."""
    if "jax" not in sys.modules:
        flag = f"--xla_force_host_platform_device_count={count}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
