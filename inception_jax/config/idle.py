"""Keys of `data` and `augment` that act only with certain values of others."""

from collections.abc import Callable

from inception_jax.config.sections import DEFAULTS, Config
from inception_jax.errors import ConfigError

Rule = tuple[str, str, Callable[[Config], bool]]  # key, where it acts, whether it does


def _randaugment(c: Config) -> bool:
    return c.augment.policy == "randaugment"


def _mixes(c: Config) -> bool:
    return c.augment.mixup > 0 or c.augment.cutmix > 0


def _cuts(c: Config) -> bool:
    return c.data.crop not in ("pad", "central")


RULES: tuple[Rule, ...] = (
    *((f"data.{k}", "data.crop=inception, random_resized or tensorflow", _cuts)
      for k in ("area", "aspect")),
    ("data.pad", "data.crop=pad", lambda c: c.data.crop == "pad"),
    ("augment.operations", "augment.policy=randaugment or trivialaugment",
     lambda c: c.augment.policy != "none"),
    *((f"augment.{k}", "augment.policy=randaugment", _randaugment)
      for k in ("num_ops", "magnitude", "magnitude_std")),
    ("augment.magnitude_std", "augment.operations=timm", lambda c: c.augment.operations == "timm"),
    *((f"augment.{k}", "augment.mixup or augment.cutmix above 0", _mixes)
      for k in ("mix_probability", "mix_per")),
    ("augment.switch_probability", "augment.mixup and augment.cutmix above 0",
     lambda c: c.augment.mixup > 0 and c.augment.cutmix > 0),
    ("augment.erasing_fill", "augment.erasing above 0", lambda c: c.augment.erasing > 0),
)  # fmt: skip


def check(c: Config) -> None:
    """Refuse another value than the default where a key has no effect.

    Raises:
        ConfigError: names the key, the default, and where the key acts.
    """
    for key, where, acts in RULES:
        section, _, name = key.partition(".")
        value, default = c[section][name], DEFAULTS[key]
        if value != default and not acts(c):
            raise ConfigError(
                f"--config.{key}={value} has no effect: expected its default, {default}, except "
                f"with {where}"
            )
