"""Flags of one command: absl's, with `--config` pages, and errors a person can read."""

import difflib
import re
import traceback
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from inception_jax import config as configs
from inception_jax.errors import ConfigError

OVERRIDE = re.compile(r"--?config\.([\w.]+)")


class Flags:
    """Declares a command's flags, then reads them from its words.

    `words` are what is left when the flags are taken out: positional arguments.
    """

    def __init__(self, command: str, doc: str):
        self.values = flags.FlagValues()
        self._command, self._doc = command, doc
        self.words: list[str] = []

    def text(self, name: str, default: str | None, help: str) -> "Flags":
        """A flag that takes a text."""
        flags.DEFINE_string(name, default, help, flag_values=self.values)
        return self

    def whole(self, name: str, default: int | None, help: str) -> "Flags":
        """A flag that takes a whole number."""
        flags.DEFINE_integer(name, default, help, flag_values=self.values)
        return self

    def switch(self, name: str, help: str) -> "Flags":
        """A flag that is there or not."""
        flags.DEFINE_boolean(name, False, help, flag_values=self.values)
        return self

    def page(self) -> "Flags":
        """`--config=page.py[:argument]` with `--config.section.key=value`."""
        help = "config page, with an optional argument: configs/digits.py:epochs=2"
        config_flags.DEFINE_config_file(
            "config", None, help, flag_values=self.values, lock_config=True
        )
        return self

    def saved(self, config: dict[str, Any]) -> "Flags":
        """`--config.section.key=value` over a config that a run has saved."""
        config_flags.DEFINE_config_dict(
            "config", ConfigDict(config), "", flag_values=self.values, lock_config=True
        )
        return self

    def parse(self, argv: list[str], words: int = 0) -> Any:
        """The flags' values; at most `words` positional arguments are left in `self.words`.

        Raises:
            ConfigError: an unknown flag or key, a wrong type, a page that does not load, or a word
                too many.
            SystemExit: `--help` was asked for and printed.
        """
        if {"--help", "-h", "-help"} & set(argv):
            print(self.help())
            raise SystemExit(0)
        single = [a for a in argv if a.startswith("config.") or a.startswith("-config")]
        if single:
            word = single[0].lstrip("-")
            raise ConfigError(f"{single[0]!r} is no flag and would be ignored; write --{word}")
        try:
            self.words = self.values([self._command, *argv])[1:]
        except flags.UnrecognizedFlagError as e:
            raise ConfigError(self._unknown(e)) from e
        except (flags.Error, TypeError, ValueError, KeyError, AttributeError, OSError) as e:
            raise ConfigError(self._unreadable(e, argv)) from e
        except Exception as e:
            if not any(a.startswith("--config=") or a == "--config" for a in argv):
                raise
            raise ConfigError(self._broken_page(e)) from e
        if len(self.words) > words:
            extra = self.words[words]
            hint = f"; write --{extra}" if "=" in extra else ""
            raise ConfigError(f"left-over word {extra!r}, which would be ignored{hint}")
        return self.values

    def config(self) -> ConfigDict:
        """The page's config with its overrides, checked.

        Raises:
            ConfigError: no page was named, or a value breaks a rule.
        """
        config = self.values.config
        if config is None:
            raise ConfigError("expected --config=PAGE, for example --config=configs/digits.py")
        if not isinstance(config, ConfigDict) or set(dict(configs.flatten(config))) != set(
            configs.RULES
        ):
            raise ConfigError("the page's get_config must return inception_jax.config.new(...)")
        configs.validate(config)
        return config

    def help(self) -> str:
        """The command's text and its flags."""
        lines = [self._doc.strip(), "", "flags:"]
        own = self.values.flags_by_module_dict()
        for flag in sorted((f for fs in own.values() for f in fs), key=lambda f: f.name):
            default = "" if flag.default in (None, False) else f" (default {flag.default})"
            if flag.help and not flag.name.startswith("config."):
                lines.append(f"  --{flag.name}\n      {flag.help}{default}")
        return "\n".join(lines)

    def _unknown(self, error: flags.UnrecognizedFlagError) -> str:
        name = error.flagname
        near = difflib.get_close_matches(name, [n for n in self.values if n != "config"], 1)
        hint = f"; did you mean --{near[0]}?" if near else ""
        known = ", ".join(f"--{n}" for n in sorted(self.values) if "." not in n)
        return f"unknown flag --{name}{hint} (flags: {known})"

    def _unreadable(self, error: Exception, argv: list[str]) -> str:
        """What is wrong with an override or a page, named by its key."""
        text = str(error).strip().strip("'\"")
        for arg in argv:
            match = OVERRIDE.match(arg)
            if match and match[1] not in configs.RULES:
                return f"unknown key --config.{match[1]}{near_key(match[1])}"
        for arg in argv:
            match = OVERRIDE.match(arg)
            if match and (f"config.{match[1]}" in text or match[1].split(".")[-1] in text):
                expected = configs.RULES[match[1]].expected
                return f"--config.{match[1]}{arg[match.end():]}: expected {expected}"
        if isinstance(error, FileNotFoundError):
            named = re.search(r"'([^']+)'", str(error))
            return f"--config: no such page {named[1] if named else text}"
        return self._broken_page(error) if not isinstance(error, flags.Error) else text

    def _broken_page(self, error: Exception) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        here = [f for f in frames if "configs" in Path(f.filename).parts] or frames[-1:]
        where = f"{here[-1].filename}, line {here[-1].lineno}"
        return f"the page could not be read ({where}): {type(error).__name__}: {error}"


def near_key(key: str) -> str:
    """A hint: the config key that looks most like `key`."""
    near = difflib.get_close_matches(key, configs.RULES, 1, cutoff=0.5)
    last = key.split(".")[-1]
    near = near or [k for k in configs.RULES if k.split(".")[-1] == last]
    return f"; did you mean --config.{near[0]}?" if near else ""
