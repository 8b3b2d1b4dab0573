"""What each key of a config means: the comments of `sections`, read from its source."""

import ast
import functools
import inspect
import io
import re
import tokenize
import typing
from collections.abc import Iterator
from typing import NamedTuple

from inception_jax.config import sections


class Meaning(NamedTuple):
    """What a key means, and where it comes from: papers by their arXiv number, or codebases."""

    text: str
    sources: tuple[str, ...]


@functools.cache
def meanings() -> dict[str, Meaning]:
    """The meaning of every key that has a comment, by dotted name."""
    source = inspect.getsource(sections)
    comments = {
        token.start[0]: re.sub(r" *(# )?fmt: skip$", "", token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    hints = typing.get_type_hints(sections.Sections)
    names = {"Sections": ""} | {kind.__name__: f"{name}." for name, kind in hints.items()}
    found = {}
    for body in (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef)):
        for key, lines in _keys(body):
            if body.name in names and (words := [comments[i] for i in lines if comments.get(i)]):
                found[names[body.name] + key] = _meaning(" ".join(words))
    return found


def _keys(body: ast.ClassDef) -> Iterator[tuple[str, range]]:
    """The keys of a section with their lines, and those above up to the statement before."""
    end = body.lineno
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, range(end + 1, (node.end_lineno or node.lineno) + 1)
        end = node.end_lineno or node.lineno


def _meaning(comment: str) -> Meaning:
    text, sources = re.fullmatch(r"(.*?)(?: \[(.+)\])?", comment).groups()  # pyright: ignore
    names = sources.split(", ") if sources else []
    of_paper = re.compile(r"\d{4}\.\d{4,5}").fullmatch
    return Meaning(text, tuple(f"arXiv:{name}" if of_paper(name) else name for name in names))
