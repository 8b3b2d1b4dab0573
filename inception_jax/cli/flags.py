"""Flags of one command: absl's, the config of a page or a run, and errors a person can read."""

import math
import re
from collections.abc import Callable
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from inception_jax import config as configs
from inception_jax.cli import hints, pages
from inception_jax.errors import ConfigError

HELP = {"--help", "-h", "-help"}
OVERRIDES = (
    "--config.SECTION.KEY=VALUE",
    "another value for one key; `inception-jax config --help` lists the keys",
)


class Flags:
    """Declares a command's flags, then reads them from its words.

    `words` are what is left when the flags are taken out: positional arguments.
    """

    def __init__(self, command: str, doc: str):
        self.values = flags.FlagValues()
        self.words: list[str] = []
        self._command, self._doc = command, doc
        self._rows: list[tuple[str, str]] = []  # of --help
        self._expected: dict[str, str] = {}
        self._short: dict[str, str] = {}  # flags that are a config's key
        self._load: tuple[str, Callable[[str], ConfigDict]] | None = None
        self._required = True

    def text(self, name: str, default: str | None, help: str) -> "Flags":
        """A flag that takes a text."""
        flags.DEFINE_string(name, default, help, flag_values=self.values)
        return self._declared(f"{name}=TEXT", default, help, "a text")

    def whole(self, name: str, default: int | None, help: str, low: int = 0) -> "Flags":
        """A flag that takes a whole number of at least `low`."""
        flags.DEFINE_integer(name, default, help, low, flag_values=self.values)
        return self._declared(f"{name}=N", default, help, f"a whole number of at least {low}")

    def number(self, name: str, default: float | None, help: str, low: float = 0) -> "Flags":
        """A flag that takes a finite number of at least `low`."""
        flags.DEFINE_float(name, default, help, low, 1e300, flag_values=self.values)
        return self._declared(f"{name}=X", default, help, f"a finite number of at least {low:g}")

    def switch(self, name: str, help: str) -> "Flags":
        """A flag that is there or not."""
        flags.DEFINE_boolean(name, False, help, flag_values=self.values)
        return self._declared(name, None, help, "true or false")

    def key(self, name: str, key: str, help: str) -> "Flags":
        """A flag that is another name of `--config.KEY`."""
        self._short[name] = key
        return self._declared(f"{name}=N", None, help, configs.RULES[key].expected)

    def page(self, required: bool = True) -> "Flags":
        """`--config=page.py[:argument]` with `--config.section.key=value`."""
        self._load, self._required = ("config", pages.load), required
        self._expected["config"] = "PAGE, for example --config=configs/digits.py"
        example = "config page, with an optional argument: configs/digits.py:epochs=2"
        self._rows += [("--config=PAGE[:ARGUMENT]", example), OVERRIDES]
        return self

    def run(self, help: str) -> "Flags":
        """`--workdir=DIR` of a run, with `--config.section.key=value` over its saved config."""
        self.text("workdir", None, help)
        self._load = ("workdir", pages.of_run)
        self._expected["workdir"] = "DIR, for example --workdir=runs/digits"
        self._rows[-1] = ("--workdir=DIR", help)
        self._rows.append(OVERRIDES)
        return self

    def cluster(self, patience: float = 1800) -> "Flags":
        """What makes this process one of several; see `place`."""
        self.text("coordinator", None, "one of several processes: HOST:PORT of the first")
        self.whole("processes", None, "one of several processes: how many there are", low=1)
        self.whole("process", None, "one of several processes: which one this is, from 0")
        self.switch("distributed", "one of several processes: ask SLURM, TPU metadata, Open MPI")
        self.number("patience", patience, "seconds to wait until all processes have come")
        return self.number("heartbeat", 60, "seconds of silence that make a process count as dead")

    def place(self) -> Any:
        """This process's `cluster.ProcessAddress`; None where it is alone.

        Raises:
            ConfigError: the flags do not make one.
        """
        from inception_jax.runtime import distributed

        v = self.values
        return distributed.find(v.coordinator, v.processes, v.process, v.distributed)

    def join(self, notes: dict[str, Any]) -> None:
        """Joins the other processes, if there are any, which must have the same `notes`."""
        from inception_jax.runtime import distributed

        place = self.place()
        distributed.join(
            place, notes, patience=self.values.patience, heartbeat=self.values.heartbeat
        )

    def _declared(self, usage: str, default: Any, help: str, expected: str) -> "Flags":
        self._expected[usage.split("=")[0]] = expected
        self._rows.append(
            (f"--{usage}", help + (f" (default {default})" if default not in (None, "") else ""))
        )
        return self

    def parse(self, argv: list[str], words: int = 0) -> Any:
        """The flags' values; at most `words` positional arguments are left in `self.words`.

        Raises:
            ConfigError: an unknown flag or key, a wrong type, a page or a run that does not load,
                or a word too many.
            SystemExit: `--help` was asked for and printed.
        """
        if HELP & set(argv):
            print(self.help())
            raise SystemExit(0)
        hints.check(argv, list(self._expected))
        argv = self._define_config([self._as_key(word) for word in argv])
        try:
            self.words = self.values([self._command, *argv])[1:]
        except (flags.Error, TypeError, ValueError) as e:
            raise ConfigError(self._illegal(str(e))) from e
        for name in self._expected:
            value = getattr(self.values, name) if name in self.values else None
            left_out = isinstance(value, str) and value.startswith("--")
            if left_out and f"--{name}={value}" not in argv:
                raise ConfigError(f"expected --{name}=VALUE, got no value before {value}")
            if isinstance(value, float) and not math.isfinite(value):  # absl's bounds let nan pass
                raise ConfigError(f"--{name}={value}: expected {self._expected[name]}")
        if len(self.words) > words:
            raise ConfigError(hints.left_over(self.words[words]))
        return self.values

    def config(self) -> Any:
        """The page's or the run's config with its overrides, checked.

        Raises:
            ConfigError: a value breaks a rule.
        """
        configs.validate(self.values.config)
        return self.values.config

    @property
    def paged(self) -> bool:
        """Whether a config was given."""
        return "config" in self.values

    def help(self) -> str:
        """The command's text and its flags."""
        lines = [self._doc.strip(), "", "flags:"]
        for usage, help in sorted(self._rows):
            lines += [f"  {usage}", f"      {help}"]
        return "\n".join(lines)

    def _as_key(self, word: str) -> str:
        """`--config.log.profile=20` of `--profile=20`."""
        name, equals, value = word.partition("=")
        key = self._short.get(name.removeprefix("--")) if name.startswith("--") else None
        return f"--config.{key}{equals}{value}" if key else word

    def _define_config(self, argv: list[str]) -> list[str]:
        """Loads the config and declares a flag for each override; the words that are left."""
        if self._load is None:
            return argv
        name, load = self._load
        value, rest = taken(argv, name)
        if value is None and not self._required:
            return rest
        if not value or value.startswith("--"):
            raise ConfigError(f"expected --{name}={self._expected[name]}")
        config = load(value)
        rest = rest if name == "config" else argv
        try:
            # config_flags reads the overrides twice: their keys from sys_argv, their values later.
            config_flags.DEFINE_config_dict(
                "config", config, "", flag_values=self.values, lock_config=True, sys_argv=rest
            )
        except (flags.Error, TypeError, ValueError) as e:
            raise ConfigError(self._illegal(str(e))) from e
        return rest

    def _illegal(self, text: str) -> str:
        """What a flag's value should be, from absl's message: `flag --lr=x: could not ...`."""
        match = re.search(r"flag --([\w.]+)(?:=(.*?): |$)", text, re.DOTALL)
        name = match[1] if match else ""
        key = name.removeprefix("config.")
        if match is None or not (key in configs.RULES or name in self._expected):
            return text
        expected = configs.RULES[key].expected if key != name else self._expected[name]
        # A tuple's words arrive as a list.
        value = "" if match[2] is None else "=" + re.sub(r"^\['(.*)'\]$", r"\1", match[2])
        return f"--{name}{value}: expected {expected}" + ("" if value else ", got no value")


def taken(argv: list[str], name: str) -> tuple[str | None, list[str]]:
    """The value of `--name=value` or `--name value`, and the other words.

    Raises:
        ConfigError: it is there twice.
    """
    value, rest, words = None, [], iter(argv)
    for word in words:
        flag, equals, text = word.partition("=")
        if flag != f"--{name}":
            rest.append(word)
            continue
        if value is not None:
            raise ConfigError(f"--{name} is given twice, {value!r} is the first; leave one")
        value = text if equals else next(words, "")
    return value, rest
