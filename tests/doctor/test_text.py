"""Tests `text`: findings as lines."""

from inception_jax.doctor import text
from inception_jax.doctor.finding import failure


def test_lines():
    """Lines have a margin, words are not broken, advice is below; colour only if asked for."""
    finding = failure("a " * 60 + "/a/path-with-hyphens/" * 6, "do this", name="disk")
    lines = text.line(finding, 60, colour=False).splitlines()
    assert lines[0].startswith("FAIL  disk         a a") and lines[-1] == " " * 19 + "-> do this"
    assert "/a/path-with-hyphens/" * 6 in lines[-2] and all(x[:19].isspace() for x in lines[1:])
    assert text.line(finding, 60, colour=True).startswith("\x1b[31;1mFAIL\x1b[0m  disk")
    slow = text.line(failure("x", "y", name="z", seconds=2.34), 60, colour=False)
    assert slow.splitlines()[0].endswith("x (2.3 s)")
