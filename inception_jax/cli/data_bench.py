"""inception-jax data bench --folder=DIR [--size=299] [--batch=50] [--threads=N] [--json]

Measures whether the input or the step is the bottleneck: input alone (one reader, all readers), the
time of each stage (read, decode, resize, transfer), and a step without and with its input. DIR
contains images in any layout. With --config=PAGE instead: the config's data and, on an accelerator,
its own train step. Otherwise the step is simulated: it takes twice the input's time, and no CPU.
"""  # noqa: D415

import os
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
    flags.whole("batch", 50, "images per batch", low=1)
    flags.whole("threads", os.cpu_count() or 1, "reader threads", low=1)
    flags.whole("processes", 0, "reader processes, instead of threads")
    flags.text("interpolation", "bicubic", "bilinear, nearest, bicubic, area, lanczos or random")
    flags.number("seconds", 4.0, "length of a measurement", low=0.1)
    flags.whole("rounds", 3, "measurements of each kind", low=1)
    values = flags.parse(argv)
    if "config" in values:
        own = ("folder", "size", "batch", "threads", "processes", "interpolation")
        flags.unused("with --config, whose data section says it", *own)
        source, data, step = _of_config(flags)
    else:
        source, data, step = *_of_folder(values), None
    from inception_jax.data.input_bench import InputBench

    result = InputBench(source, data, values.seconds, values.rounds).run(step)
    flags.print(result, lambda: text(result))


def _of_folder(values: Any) -> tuple[Any, configs.sections.Data]:
    """The images below a folder, cropped as in GoogLeNet's section 6."""
    if not values.folder:
        raise ConfigError("expected --folder=DIR, a folder of images, or --config=PAGE")
    rule = configs.RULES["data.interpolation"]
    if not rule.holds(values.interpolation):
        raise ConfigError(f"--interpolation={values.interpolation}: expected {rule.expected}")
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


def _of_config(flags: Flags) -> tuple[Any, configs.sections.Data, Any]:
    """A config's data and, on an accelerator, its train step."""
    config = flags.config()
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    import jax

    if jax.default_backend() == "cpu":
        flags.obeys(overrides.IMAGES, " on a CPU, whose step is simulated,")
        from inception_jax.data.sources.open import open_source

        return open_source(config.data, config.data.train_split), config.data, None

    from inception_jax.train import trainer

    built = trainer.build(config)
    return built.source, config.data, _train_step(built.program)


def text(result: dict[str, Any]) -> str:
    """The figures as lines."""
    stages = result["stages_ms"]
    rows = "\n".join(f"  {name.ljust(9)} {ms:7.3f} ms" for name, ms in stages.items())
    return (
        f"{result['images']:,} images, {result['image_size']} pixels, batches of "
        f"{result['batch_size']}, {result['interpolation']}; {result['decoder']}\n\n"
        f"input alone   {result['images_per_s']:,.0f} images/s on {result['readers']}, "
        f"{result['images_per_s_one_reader']:,.0f} on one: {result['scaling']:.2f}x\n"
        f"an image, one reader:\n{rows}\n"
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
