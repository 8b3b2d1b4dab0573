"""inception-jax plan --config=PAGE [--topology=v5e-16] [--devices=N] [--compare=AXES] [--json]

Estimates whether a run fits in memory, how long it takes, and what limits it. Compiles the step of
`train` for N virtual CPU devices or, with --topology, for TPUs (v4, v5e, v5p, v6e; with jax[tpu])
or GPUs (a100, h100, h200, b200; with jax[cuda13]); needs neither and allocates no array. Prints the
memory of a device and every collective; for a topology also FLOPs, memory traffic, a GPU's kernels,
step time, images/s, more devices, and hours and device-hours of the whole training.

Nothing is measured: counts are the compiler's, times are estimates. Compiling takes minutes;
results are cached. --compare=all changes one setting at a time: dtype, batch, recompute, bn_group,
sharding, vmem (TPUs); or only the named ones. A config that does not fit exits with 78 and suggests
changes. The data set need not be here: ImageNet's size is known, otherwise give --images. (The
CPU's compiler reduces 16-bit values in 32 bits and implements reduce-scatter by all-reduce.)
"""  # noqa: D415

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, UserError
from inception_jax.runtime import user_paths


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("plan", __doc__).page().json()
    flags.whole("devices", None, "number of devices (default: all of the topology, else 1)", low=1)
    flags.text("topology", "", "TPUs, v5e-16 or v5e:4x4, or GPUs, h100-8")
    flags.text("compare", "", "settings to vary, such as dtype,batch; `all` for all")
    flags.path("input", "", "input throughput of a host: a file written by `data bench --json`")
    flags.whole("images", None, "images per epoch, if the data set is not on this host", low=1)
    values = flags.parse(argv)
    config = flags.config()
    if not values.topology:
        flags.unused("without --topology, since a CPU's step has no estimated time", "input")
        _add_virtual_devices(values.devices or 1)
    from inception_jax.runtime import startup

    startup.start(config.model.dtype, "cpu")
    _plan(flags, config, values)


def _plan(flags: Flags, config: Any, values: Any) -> None:
    from inception_jax.plan import compare, devices, text

    found = devices.topology(values.topology) if values.topology else devices.virtual()
    if (values.devices or 1) > len(found):
        raise ConfigError(f"--devices={values.devices}: expected at most {len(found)}")
    axes = _axes(values.compare, compare.axes(found[0].platform))
    planner = Planner(found[: values.devices], values)
    base = planner.plan(config)
    if axes:
        each = config.data.batch_size // base["devices"]["mesh"]["data"]
        pairs = list(compare.changes(config, each, axes))
        rows = [planner.tried(c, str(change)) for change, c in pairs]
        names = [str(change) for change, _ in pairs]
        changes = [
            {"change": change.values, "frontier": best, **row}
            for (change, _), row, best in zip(pairs, rows, compare.frontier(rows), strict=True)
        ]
        flags.print(changes, lambda: text.head(base) + "\n\n" + compare.text(names, rows))
        return
    flags.print(base, lambda: text.text(base))


class Planner:
    """Plans configs for one set of devices; results are cached."""

    def __init__(self, devices: Sequence[Any], values: Any):
        self._devices, self._values = devices, values
        self._bench = _bench(values.input) if values.input else None

    def plan(self, config: Any) -> dict[str, Any]:
        """The plan of a config.

        Raises:
            ConfigError: it does not fit, or its mesh does not match the devices.
        """
        from inception_jax import plan
        from inception_jax.plan import advice, store
        from inception_jax.train.program import Program

        images = _images(config, self._values.images)
        program = Program(config, images, self._devices)
        target = f"{self._values.topology} {len(self._devices)} {images}"

        def make() -> dict[str, Any]:
            with _reporting(f"compiling {config.model.name} for {len(self._devices)} devices"):
                return plan.of(program)

        found = store.cached(store.key(config, target), make)
        if "needed" in found:
            raise ConfigError(advice.of(config, found))
        if self._bench and "step" in found:
            found["input"] = advice.of_input(found, self._bench)
        return found

    def tried(self, config: Any, name: str) -> dict[str, Any]:
        """The plan, or {"error": one line} if the config cannot be planned."""
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
    """Images per epoch: given, counted, or ImageNet's."""
    if given:
        return given
    from inception_jax.data import imagenet
    from inception_jax.data.sources.open import open_training

    try:
        return len(open_training(config))
    except UserError as e:
        if config.data.name == imagenet.NAME and config.data.train_split in imagenet.IMAGES:
            return imagenet.IMAGES[config.data.train_split]
        raise ConfigError(f"{e}\nTo plan without the data, give --images=N of an epoch") from e


def _bench(path: str) -> dict[str, Any]:
    text = user_paths.read_text(path, "--input")
    try:
        return {"images_per_s": float(json.loads(text)["images_per_s"])}
    except (ValueError, KeyError, TypeError) as e:
        raise ConfigError(
            f"--input={path}: expected the output of `data bench --json` ({e})"
        ) from e


@contextlib.contextmanager
def _reporting(what: str) -> Iterator[None]:
    """Prints the elapsed time every ten seconds."""
    from inception_jax.progress import duration

    done, began = threading.Event(), time.monotonic()

    def report() -> None:
        while not done.wait(10):
            print(f"{what}: {duration(time.monotonic() - began)}", file=sys.stderr, flush=True)

    threading.Thread(target=report, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _add_virtual_devices(count: int) -> None:
    """Requests virtual devices, which must happen before JAX is imported."""
    if "jax" not in sys.modules:
        flag = f"--xla_force_host_platform_device_count={count}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
