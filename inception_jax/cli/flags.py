"""Flags of one command: absl's, and the config of a page or a run; with readable errors."""

import json
import math
import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from inception_jax import config as configs
from inception_jax.cli import examples, hints, overrides, pages
from inception_jax.errors import ConfigError, HelpPrinted, shown_lines
from inception_jax.runtime import user_paths

if TYPE_CHECKING:
    from inception_jax.runtime.distributed import ProcessAddress

HELP = {"--help", "-h", "-help"}
OVERRIDES = (
    "--config.SECTION.KEY=VALUE",
    "set one key; `inception-jax config --help` lists them, `config --explain=KEY` explains one",
)


class Flags:
    """Declares a command's flags, then parses its arguments; `words` are the positional ones."""

    def __init__(self, command: str, doc: str | None):
        self.values = flags.FlagValues()
        self.words: list[str] = []
        self._command, self._doc = command, doc or ""
        self._rows: list[tuple[str, str]] = []  # of --help
        self._expected: dict[str, str] = {}
        self._paths: list[str] = []  # the flags that are paths
        self._short: dict[str, str] = {}  # --flag -> the config's key
        self._counts, self._missing = (0, 0), ""  # of positional arguments
        self._load: tuple[str, Callable[[str], ConfigDict]] | None = None
        self._required = True
        self._obeyed: Collection[str] = ()
        self._before: dict[str, Any] = {}  # the config without overrides, by key

    def text(self, name: str, default: str | None, help: str) -> "Flags":
        """A flag with a text value."""
        flags.DEFINE_string(name, default, help, flag_values=self.values)
        return self._declared(f"{name}=TEXT", default, help, "a text")

    def path(self, name: str, default: str | None, help: str) -> "Flags":
        """A flag with the path of a file or folder, in which `~` is expanded."""
        flags.DEFINE_string(name, default, help, flag_values=self.values)
        self._paths.append(name)
        return self._declared(f"{name}=PATH", default, help, configs.PATH)

    def whole(self, name: str, default: int | None, help: str, low: int = 0) -> "Flags":
        """A flag with an integer value of at least `low`."""
        flags.DEFINE_integer(name, default, help, low, flag_values=self.values)
        return self._declared(f"{name}=N", default, help, f"a whole number of at least {low}")

    def number(self, name: str, default: float | None, help: str, low: float = 0) -> "Flags":
        """A flag with a finite value of at least `low`."""
        flags.DEFINE_float(name, default, help, low, 1e300, flag_values=self.values)
        return self._declared(f"{name}=X", default, help, f"a finite number of at least {low:g}")

    def switch(self, name: str, help: str) -> "Flags":
        """A flag that is on or off."""
        flags.DEFINE_boolean(name, False, help, flag_values=self.values)
        return self._declared(name, None, help, "true or false")

    def key(self, name: str, key: str, help: str) -> "Flags":
        """A short name of `--config.KEY`."""
        self._short[f"--{name}"] = key
        return self._declared(f"{name}=N", None, help, configs.RULES[key].expected)

    def arguments(self, what: str, example: str, least: int = 1, most: int = 1) -> "Flags":
        """Positional arguments: `what` and `example` are for the message if some are missing."""
        example = f"inception-jax {self._command} {example}"
        self._counts, self._missing = (least, most), f"expected {what}, for example: {example}"
        return self

    def json(self, help: str = "print JSON") -> "Flags":
        """`--json`, see `print`."""
        return self.switch("json", help)

    def print(self, data: Any, text: Callable[[], str], indent: int | None = None) -> None:
        """Prints `data` as JSON under `--json`, otherwise the text."""
        print(json.dumps(data, indent=indent) if self.values.json else shown_lines(text()))

    def page(self, required: bool = True, obeyed: Collection[str] = overrides.EVERY) -> "Flags":
        """`--config=page.py[:argument]` with `--config.section.key=value`, for keys `obeyed`."""
        self._load, self._required, self._obeyed = ("config", pages.load), required, obeyed
        self._expected["config"] = "PAGE, for example --config=configs/digits.py"
        example = "config page, with an optional argument: configs/digits.py:epochs=2"
        self._rows += [("--config=PAGE[:ARGUMENT]", example), OVERRIDES]
        return self

    def run(self, obeyed: Collection[str] = overrides.EVERY) -> "Flags":
        """`--workdir=DIR` of a run, whose keys `obeyed` `--config.section.key=value` changes."""
        flags.DEFINE_string("workdir", None, "", flag_values=self.values)
        self._paths.append("workdir")
        self._load, self._obeyed = ("workdir", pages.of_run), obeyed
        self._expected["workdir"] = "DIR, for example --workdir=runs/digits"
        self._rows += [("--workdir=DIR", "directory of the run"), OVERRIDES]
        return self

    def cluster(self, patience: float = 1800) -> "Flags":
        """The flags of a job of several processes; see `address`."""
        self.text("coordinator", None, "several processes: HOST:PORT of the first one")
        self.whole("processes", None, "several processes: their number", low=1)
        self.whole("process", None, "several processes: the index of this one, from 0")
        self.switch("distributed", "several processes: ask SLURM, TPU metadata, Open MPI")
        self.number("patience", patience, "seconds to wait until all processes have connected")
        return self.number("heartbeat", 60, "seconds without a heartbeat until a process is dead")

    def address(self) -> "ProcessAddress | None":
        """This process's address in the job; None if it is the only one."""
        from inception_jax.runtime import distributed

        v = self.values
        return distributed.find(v.coordinator, v.processes, v.process, v.distributed)

    def join(self, notes: dict[str, Any]) -> None:
        """Connects to the other processes, if any, which must have equal `notes`."""
        from inception_jax.runtime import distributed

        v = self.values
        distributed.join(self.address(), notes, patience=v.patience, heartbeat=v.heartbeat)

    def _declared(self, usage: str, default: Any, help: str, expected: str) -> "Flags":
        self._expected[usage.split("=")[0]] = expected
        shown = "" if default in (None, "") else f" (default {default})"
        self._rows.append((f"--{usage}", help + shown))
        return self

    def parse(self, argv: list[str]) -> Any:
        """Parses the words after the command; returns the values, and sets `words`.

        Raises:
            ConfigError: an unknown flag or key, a wrong type, a page or run that cannot be
                loaded, or too many or too few positional arguments.
            HelpPrinted: after printing `--help`.
        """
        if HELP & set(argv):
            print(self.help())
            raise HelpPrinted(0)
        hints.check(argv, list(self._expected), self._load is not None)
        argv = self._define_config([self._as_key(word) for word in argv])
        try:
            self.words = self.values([self._command, *argv])[1:]
        except (flags.Error, TypeError, ValueError) as e:
            raise ConfigError(self._illegal(str(e))) from e
        for name in self._expected:
            value = getattr(self.values, name) if name in self.values else None
            missing = isinstance(value, str) and value.startswith("--")
            if missing and f"--{name}={value}" not in argv:
                raise ConfigError(f"expected --{name}=VALUE, got no value before {value}")
            if isinstance(value, float) and not math.isfinite(value):  # absl's bounds let nan pass
                raise ConfigError(f"--{name}={value}: expected {self._expected[name]}")
        for name in self._paths:
            if value := getattr(self.values, name):
                setattr(self.values, name, self._expand(name, value))
        self.words = [str(user_paths.expanded(w)) if w[:1] == "~" else w for w in self.words]
        least, most = self._counts
        if len(self.words) > most:
            raise ConfigError(hints.left_over(self.words[most]))
        if len(self.words) < least:
            raise ConfigError(self._missing)
        self.obeys(self._obeyed)
        return self.values

    def obeys(self, keys: Collection[str], how: str = "") -> None:
        """Refuses overrides of other config keys than `keys`; `how` the command is used."""
        if "config" in self.values and self._before:
            now = dict(configs.flatten(self.values.config))
            overrides.check(self._command + how, self._before, now, keys)

    def unused(self, why: str, *names: str) -> None:
        """Refuses flags that have no effect, such as those of another form of the command."""
        for name in names:
            if self.values[name].present:
                raise ConfigError(f"--{name} has no effect {why}; leave it out")

    def config(self) -> Any:
        """The config of the page or the run with overrides, validated."""
        configs.validate(self.values.config, of_run=self._load == ("workdir", pages.of_run))
        return self.values.config

    def _expand(self, name: str, value: str) -> str:
        if value == "None":
            raise ConfigError(f"--{name}=None: expected {configs.PATH}")
        return str(user_paths.expanded(value))

    def help(self) -> str:
        """The command's text and its flags."""
        lines = [self._doc.strip(), "", "flags:"]
        for usage, help in sorted(self._rows):
            lines += [f"  {usage}", f"      {help}"]
        return "\n".join([*lines, "", examples.of(self._command)]).rstrip()

    def _as_key(self, word: str) -> str:
        """`--config.log.profile=20` for `--profile=20`."""
        name, equals, value = word.partition("=")
        key = self._short.get(name)
        return f"--config.{key}{equals}{value}" if key else word

    def _define_config(self, argv: list[str]) -> list[str]:
        """Loads the config and declares a flag for each override; returns the other words."""
        if self._load is None:
            return argv
        name, load = self._load
        value, rest = split_flag(argv, name)
        if value is None and not self._required:
            if given := next((w for w in rest if hints.OVERRIDE.match(w)), None):
                raise ConfigError(f"{given} needs the config that it changes: --{name}=PAGE")
            return rest
        if not value or value.startswith("--"):
            expected, example = self._expected[name], examples.EXAMPLES.get(self._command, "")
            if f"--{name}=" in example:
                expected = f"{expected.partition(',')[0]}, for example: inception-jax {example}"
            raise ConfigError(f"expected --{name}={expected}")
        config = load(self._expand(name, value) if name in self._paths else value)
        rest = list(map(overrides.automatic, rest if name == "config" else argv))
        rest = overrides.last_of_each_tuple(rest)
        self._before = dict(configs.flatten(config))
        try:
            # config_flags reads the keys of the overrides from sys_argv, and their values later.
            config_flags.DEFINE_config_dict(
                "config", config, "", flag_values=self.values, lock_config=True, sys_argv=rest
            )
        except (flags.Error, TypeError, ValueError) as e:
            raise ConfigError(self._illegal(str(e))) from e
        return rest

    def _illegal(self, text: str) -> str:
        """A message with the expected value, from absl's: `flag --lr=x: could not ...`."""
        match = re.search(r"flag --([\w.]+)(?:=(.*?): |$)", text, re.DOTALL)
        name = match[1] if match else ""
        key = name.removeprefix("config.")
        if match is None or not (key in configs.RULES or name in self._expected):
            return text
        expected = configs.RULES[key].expected if key != name else self._expected[name]
        # absl gives a tuple's words as a list.
        value = "" if match[2] is None else "=" + re.sub(r"^\['(.*)'\]$", r"\1", match[2])
        return f"--{name}{value}: expected {expected}" + ("" if value else ", got no value")


def split_flag(argv: list[str], name: str) -> tuple[str | None, list[str]]:
    """The value of `--name=value` or `--name value`, and the other words."""
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
