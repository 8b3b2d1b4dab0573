"""inception-jax data check|show --config=PAGE [--split=train] [--out=sheet.png] [--step=0]

check: the split's images and classes, and every file that cannot be read (exit 65 above 1%).
show: a picture of one training batch as the network sees it, after crop, flip and colour.
"""  # noqa: D415

from pathlib import Path

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> None:
    """Runs the command."""
    if argv[:1] == ["bench"]:
        from inception_jax.cli import data_bench

        return data_bench.main(argv[1:])
    flags = Flags("data", __doc__ or "").page()
    flags.text("split", "", "split to check; data.train_split if not given")
    flags.text("out", "sheet.png", "picture to write")
    flags.whole("step", 0, "training step to show")
    values = flags.parse(argv, words=1)
    if flags.words not in (["check"], ["show"]):
        raise ConfigError(
            f"expected `data check` or `data show`, got {' '.join(flags.words) or 'neither'}"
        )
    config = flags.config()
    from inception_jax.data import inspect, open_source

    source = open_source(config.data, values.split or config.data.train_split)
    if flags.words == ["check"]:
        print(inspect.check(source))
        return
    from inception_jax import runtime

    runtime.start()
    from inception_jax import contact_sheet

    print(contact_sheet.write(config, source, values.step, Path(values.out)))
