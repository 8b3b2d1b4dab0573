"""Tests `inception_jax/cli/flags.py`: values, positional arguments, messages."""

import inspect
import re
from pathlib import Path

import pytest

from inception_jax.cli.flags import Flags, split_flag
from inception_jax.errors import ConfigError


def flags() -> Flags:
    """Flags of each kind and at most two positional arguments, at least one."""
    flags = Flags("x", "doc").text("out", "a", "file").whole("top", 5, "rows", low=1).json()
    return flags.number("rate", 1.0, "speed").arguments("a file", "a.jpg", 1, 2)


def test_flags_values_and_words():
    """Flags in any order, with = or as two words; the rest are positional."""
    f = flags()
    values = f.parse(["a.jpg", "--top", "3", "config.jpg", "--rate=2", "--json"])
    assert (values.out, values.top, values.rate, values.json) == ("a", 3, 2.0, True)
    assert f.words == ["a.jpg", "config.jpg"]


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--top=0"], "--top=0: expected a whole number of at least 1"), (["--rate=nan"], "=nan: exp"),
     (["--rate=inf"], "finite number"), (["--json=maybe"], "--json=maybe: expected true or false"),
     (["--out", "--json"], "--out=VALUE"), (["--top"], "--top: expected a whole number"),
     (["-top=3"], "write --top=3"), (["top=3"], "write --top=3"),
     (["a", "b", "c"], "left-over word 'c'"),
     ([], "expected a file, for example: inception-jax x a.jpg"),
     (["--tip=3"], "did you mean --top")],
)  # fmt: skip
def test_flags_refuse(words, says):
    """Each message has the flag and the expected value."""
    with pytest.raises(ConfigError) as e:
        flags().parse(words)
    assert says in str(e.value)


def test_print(capsys):
    """JSON under --json, otherwise the text."""
    for words, out in ((["a", "--json"], '{"n": 1}\n'), (["a"], "one\n")):
        f = flags()
        f.parse(words)
        f.print({"n": 1}, lambda: "one")
        assert capsys.readouterr().out == out


def test_split_flag():
    """The value in both forms, and the other words; twice is refused."""
    assert split_flag(["a", "--on=x", "b"], "on") == ("x", ["a", "b"])
    assert split_flag(["--on", "x", "--once"], "on") == ("x", ["--once"])
    assert split_flag(["a"], "on") == (None, ["a"])
    with pytest.raises(ConfigError, match="given twice"):
        split_flag(["--on=x", "--on=y"], "on")


def test_paths(monkeypatch):
    """`~` is the home folder, in flags that are paths and in words; None is refused."""
    monkeypatch.setenv("HOME", "/home/me")
    for given, path in (("~/a b", "/home/me/a b"), ("a~", "a~"), ("./None", "None"), ("", "")):
        f = flags().path("into", "", "file")
        assert f.parse(["~/x", f"--into={given}", "--out=~/a"]).into == path
        assert f.words == ["/home/me/x"] and f.values.out == "~/a"
    with pytest.raises(ConfigError, match="--into=None: expected a path"):
        flags().path("into", "", "file").parse(["a", "--into=None"])


PLACES = {
    "classes", "data_dir", "dir", "folder", "input", "manual_dir", "out", "outputs", "real", "save",
    "pdf", "subset", "svg", "without", "workdir",
}  # fmt: skip


def test_every_flag_with_a_path_is_one():
    """In all commands, so that `~` and None are treated in one place."""
    cli = Path(inspect.getfile(Flags)).parent
    texts = {n for p in cli.glob("*.py") for n in re.findall(r'\.text\(\s*"(\w+)"', p.read_text())}
    paths = {n for p in cli.glob("*.py") for n in re.findall(r'\.path\(\s*"(\w+)"', p.read_text())}
    assert not texts & PLACES and paths | {"workdir"} == PLACES
