"""HTML: render a template with styles, scripts and data into one self-contained file."""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from inception_jax.errors import ConfigError, shown, shown_lines, writing
from inception_jax.report import formats
from inception_jax.workdir import atomic


def asset(name: str, package: str = "inception_jax.report") -> str:
    """The text of a data file of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def page(
    template: str, styles: Sequence[str], scripts: Sequence[str], data: Any, live: bool = False,
    **values: Any,
) -> str:  # fmt: skip
    """Render a page.

    Args:
        template: Jinja template that includes head.html and tail.html.
        styles: style sheets, concatenated.
        scripts: scripts, concatenated: later ones may use definitions of earlier ones.
        data: JSON-serialisable data for the scripts.
        live: whether its scripts may ask the server that it came from for newer data.
        values: values for the template; `title` is required.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),  # for {% include %}
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=_shown,
    )  # fmt: skip
    environment.filters.update(formats.FILTERS)
    script, style = "\n".join(scripts), "\n".join(styles)
    return environment.from_string(template).render(
        data=_embedded(data),
        script=Markup(script),
        style=Markup(style),
        live=live,
        # Only this script runs and nothing is fetched, whatever a class name contains.
        policy=f"default-src 'none'; img-src data:; script-src '{_digest(script)}'; "
        f"style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"
        + ("; connect-src 'self'" if live else ""),
        **values,
    )


def write(text: str, out: Path) -> Path:
    """Write a page atomically.

    Raises:
        ConfigError: `out` is a directory.
    """
    if out.is_dir():
        raise ConfigError(f"--out={out}: expected a file, found a directory; try {out}/report.html")
    with writing(str(out), elsewhere="give --out=FILE"):
        out.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(out, encoded(text).decode())
    return out


def encoded(text: str) -> bytes:
    """A page in UTF-8, in which half a surrogate pair of a name, which JSON allows, is no text."""
    return text.encode(errors="backslashreplace")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def _shown(value: Any) -> Any:
    """A value of a template: text as by `shown_lines`, but not the page's own."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return shown_lines(value) if is_text else value


def _names_shown(data: Any) -> Any:
    """The JSON data with all text as by `shown`."""
    if isinstance(data, str):
        return shown(data)
    if isinstance(data, dict):
        return {shown(key): _names_shown(value) for key, value in data.items()}
    return [*map(_names_shown, data)] if isinstance(data, list | tuple) else data


def _embedded(data: Any) -> Markup:
    """JSON that is safe inside a <script> element: it contains no tag characters."""
    text = json.dumps(_names_shown(data), allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
