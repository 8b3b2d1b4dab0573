"""Plans that were made before: compiling takes minutes, reading what came of it does not."""

import hashlib
import json
from collections.abc import Callable
from importlib import metadata
from typing import Any

from inception_jax.runtime import distributed, startup
from inception_jax.workdir import atomic, run_dir


def key(config: Any, target: str) -> str:
    """What a plan depends on: config, devices, this package's code, the compiler."""
    versions = {}
    for name in ("jax", "jaxlib", "libtpu", "flax", "optax"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    text = json.dumps(
        [run_dir.plain(config), target, distributed.code_digest(), versions], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def kept(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The plan of that key, made now if it was not before; with `cached` saying which.

    The folder is `plans` beside the compilation cache; without one nothing is kept.
    """
    folder = startup.cache_folder()
    path = folder / "plans" / f"{name}.json" if folder else None
    if path and path.is_file():
        return {**json.loads(path.read_text()), "cached": True}
    found = make()
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, json.dumps(found))
    return {**found, "cached": False}
