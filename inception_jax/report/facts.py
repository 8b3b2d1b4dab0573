"""Facts of a run for the header: its network, data, devices, code, start, and command."""

from collections.abc import Iterator
from typing import Any

from inception_jax.config.tasks import TASKS
from inception_jax.report import formats, records
from inception_jax.report.records import Record


def of(config: Record, origin: Record, start: float | None) -> Iterator[tuple[str, str]]:
    """Yield a name and a text for each known fact.

    Args:
        config: of the run; may be damaged, or of an older version.
        origin: the start of its newest attempt, see `workdir.origin`; empty if there is none.
        start: Unix time of the first attempt.
    """
    facts = {
        "network": _network(config, origin),
        "data": _data(_section(config, "data"), _section(origin, "data")),
        "devices": devices(origin),
        "code": code(origin),
        "started": f"{formats.moment(start)} UTC" if start is not None else "",
    }
    return ((name, text) for name, text in facts.items() if text)


def _network(config: Record, origin: Record) -> str:
    model, data = _section(config, "model"), _section(config, "data")
    dialect, width = model.get("dialect") or origin.get("dialect"), records.finite(model, "width")
    size = records.whole(data, "image_size")
    parts = [
        str(model.get("name") or ""),
        f"{dialect} dialect" if dialect else "",
        f"width {width:g}" if width is not None else "",
        f"{size} pixels" if size else "",
    ]
    return ", ".join(filter(None, parts))


def _data(config: Record, found: Record) -> str:
    words = [str(config.get(key) or "") for key in ("source", "name", "dir")]
    images, classes = records.whole(found, "images"), records.whole(found, "classes")
    classes = classes or records.whole(config, "classes")
    task = TASKS.get(str(config.get("task")), TASKS["classification"])
    parts = [
        " ".join(filter(None, words)),
        f"{images:,} training images" if images else "",
        f"{classes:,} {task.targets}" if classes else "",
    ]
    return ", ".join(filter(None, parts))


def devices(origin: Record) -> str:
    """Number and kind of an attempt's devices; empty if it has not recorded them."""
    found = _section(origin, "devices")
    count = records.whole(found, "count")
    return f"{count} × {found.get('kind')}" if count else ""


def code(origin: Record) -> str:
    """Versions and commit of an attempt's code; empty if it has not recorded them."""
    versions = {str(k): str(v) for k, v in _section(origin, "versions").items()}
    own = versions.pop("inception_jax", "")
    commit = f"commit {origin['git']}" if origin.get("git") else ""
    commit += " with changes" if commit and origin.get("changed") else ""
    parts = [f"inception_jax {own}" if own else "", commit]
    return ", ".join(filter(None, [*parts, *(f"{k} {v}" for k, v in versions.items())]))


def _section(record: Record, name: str) -> dict[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}
