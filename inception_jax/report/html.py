"""HTML: a template with its style, its scripts and their data, as one page that fetches nothing."""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from inception_jax.report import figures
from inception_jax.workdir import atomic


def asset(name: str, package: str = "inception_jax.report") -> str:
    """The text of a file that comes with a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def page(template: str, styles: Sequence[str], scripts: Sequence[str], data: Any, **values: Any):
    """The text of a page.

    Args:
        template: between head.html and tail.html, which have the style, scripts and data.
        styles: sheets, one after the other.
        scripts: in one scope, in this order: a later one uses what an earlier one defines.
        data: JSON for the scripts.
        values: for the template; its `title` is the page's.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),  # of what a template includes
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(figures.FILTERS)
    script, style = "\n".join(scripts), "\n".join(styles)
    return environment.from_string(template).render(
        data=_embedded(data),
        script=Markup(script),
        style=Markup(style),
        # Nothing runs but this script, and nothing is fetched, whatever a class name contains.
        policy=f"default-src 'none'; img-src data:; script-src '{_digest(script)}'; "
        f"style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'",
        **values,
    )


def write(text: str, out: Path) -> Path:
    """Writes a page in a single rename: a reader who has it open never sees half."""
    out.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(out, text)
    return out


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def _embedded(data: Any) -> Markup:
    """JSON that can stand in a <script> element: no character of it can end or open a tag."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
