"""inception-jax data bench --folder=DIR [--size=299] [--batch=256] [--scaling] [--json]

Measures whether the input or the step is the bottleneck: input alone (one thread, all readers), the
time of each stage (read, decode, resize, transfer), what an image costs of Python's lock, and a
step without and with its input. DIR contains images in any layout. With --config=PAGE instead: the
config's data and, on an accelerator, its own train step. Otherwise the step is simulated: it takes
twice the input's time, and no CPU. The readers are those of training: a thread for each core that
this process may use, in processes of four if there are more than four.

With --scaling instead: images/s on 1, 2, 4, ... threads, and on all in 2, 4, ... processes, beside
as many separate programs as there are cores.
"""  # noqa: D415

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from inception_jax import config as configs
from inception_jax.cli import overrides
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("data bench", __doc__).page(required=False).json()
    flags.path("folder", "", "folder of images")
    flags.whole("size", 299, "image size in pixels", low=1)
    flags.whole("batch", 256, "images per batch", low=1)
    flags.whole("threads", -1, "reader threads; -1: one for each core", low=-1)
    flags.whole("processes", -1, "processes that have these; 0: this one; -1: automatic", low=-1)
    flags.text("interpolation", "bicubic", "bilinear, nearest, bicubic, area, lanczos or random")
    flags.number("seconds", 4.0, "length of a measurement", low=0.1)
    flags.whole("rounds", None, "measurements of each kind: 3, with --scaling 1", low=1)
    flags.switch("scaling", "measure 1, 2, 4, ... threads and processes")
    values = flags.parse(argv)
    if "config" in values:
        own = ("folder", "size", "batch", "threads", "processes", "interpolation")
        flags.unused("with --config, whose data section says it", *own)
        source, config, step = _of_config(flags)
        data, augment = config.data, config.augment
    else:
        source, data = _of_folder(values)
        augment, step = None, None
    from inception_jax.data.input_bench import InputBench

    rounds = values.rounds or (1 if values.scaling else 3)
    bench = InputBench(source, data, values.seconds, rounds, augment)
    result = bench.scaling() if values.scaling else bench.run(step)
    flags.print(
        result, lambda: f"{_head(result)}\n\n{(_table if values.scaling else text)(result)}"
    )


def _of_folder(values: Any) -> tuple[Any, configs.sections.Data]:
    """The images below a folder, cropped as in GoogLeNet's section 6."""
    if not values.folder:
        raise ConfigError("expected --folder=DIR, a folder of images, or --config=PAGE")
    for name in ("interpolation", "threads", "processes"):
        rule = configs.RULES[f"data.{name}"]
        if not rule.holds(values[name].value):
            raise ConfigError(f"--{name}={values[name].value}: expected {rule.expected}")
    from inception_jax.data.sources.files import Files
    from inception_jax.runtime import startup

    source = Files(Path(values.folder))
    fields = configs.source(
        source="folder", classes=1, image_size=values.size, batch_size=values.batch,
        interpolation=values.interpolation, threads=values.threads,
        processes=values.processes,
    )  # fmt: skip
    startup.start()
    return source, cast(configs.sections.Data, SimpleNamespace(**fields))


def _of_config(flags: Flags) -> tuple[Any, configs.Config, Any]:
    """A config's source, the config and, on an accelerator, its train step."""
    config = flags.config()
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    import jax

    if jax.default_backend() == "cpu":
        flags.obeys(overrides.IMAGES, " on a CPU, whose step is simulated,")
        from inception_jax.data.sources.open import open_source

        return open_source(config.data, config.data.train_split), config, None

    from inception_jax.train import trainer

    built = trainer.build(config)
    return built.source, config, _train_step(built.program)


def _head(result: dict[str, Any]) -> str:
    lock = result["lock"]
    policy = "" if result["policy"] == "none" else f", {result['policy']}"
    return (
        f"{result['images']:,} images, {result['image_size']} pixels, batches of "
        f"{result['batch_size']}, {result['interpolation']}{policy}; {result['decoder']}\n"
        f"Python's lock: an image holds it for {lock['held_us']:.0f} us and hands it over "
        f"{lock['hand_overs']:.1f} times, {lock['hand_over_us']:.0f} us each: at most "
        f"{lock['images_per_s_at_most']:,.0f} images/s in one process"
    )


def _table(result: dict[str, Any]) -> str:
    from inception_jax.data import scaling

    return scaling.text(result)


def text(result: dict[str, Any]) -> str:
    """The figures of the input and a step as lines."""
    stages = result["stages_ms"]
    rows = "\n".join(f"  {name.ljust(9)} {ms:7.3f} ms" for name, ms in stages.items())
    return (
        f"input alone   {result['images_per_s']:,.0f} images/s on {result['readers']}, "
        f"{result['images_per_s_one_reader']:,.0f} on one thread: {result['speedup']:.2f}x\n"
        f"an image, one thread:\n{rows}\n"
        f"memory        {result['memory_mb']:,.0f} MB for the input\n"
        f"step alone    {result['step_ms']:,.1f} ms ({result['step']})\n"
        f"with input    {result['joined_ms']:,.1f} ms: the input costs {result['input_costs']:+.1%}"
    )


def _train_step(program: Any) -> Callable[[Any], None]:
    """A run's own step on its devices; as in training, the host is one step ahead of them."""
    import jax

    from inception_jax.runtime import mesh as meshes

    state, pending = program.fresh_state(), []
    placed = meshes.batch(program.mesh)

    def step(batch: Any) -> None:
        nonlocal state
        batch = meshes.put({k: batch[k] for k in ("image", "label")}, placed)
        state, metrics = program.train_step(state, batch)
        pending.append(metrics)
        if len(pending) > 1:
            jax.block_until_ready(pending.pop(0))

    return step
