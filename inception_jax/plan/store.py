"""A cache of plans on disk, because compiling takes minutes."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from importlib import metadata
from typing import Any

from inception_jax.config import Config
from inception_jax.runtime import distributed, startup
from inception_jax.workdir import atomic, reading, run_dir

# Packages whose versions a compiled program depends on.
COMPILERS = ("jax", "jaxlib", "libtpu", "flax", "optax",
             *(f"jax-cuda{n}-{part}" for n in (12, 13) for part in ("pjrt", "plugin")),
             *(f"nvidia-cudnn-cu{n}" for n in (12, 13)))  # fmt: skip


def key(config: Config, target: str) -> str:
    """Returns the cache key of a plan: config, devices, this package's code, compiler version."""
    versions = {}
    for name in COMPILERS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    text = json.dumps(
        [run_dir.plain(config), target, distributed.code_digest(), versions], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def cached(key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns the plan of a key from the cache, or makes and stores it; `cached` is which.

    The cache is the folder `plans` beside the compilation cache; without that there is none.
    """
    folder = startup.cache_folder()
    path = folder / "plans" / f"{key}.json" if folder else None
    if path:
        with contextlib.suppress(FileNotFoundError, ValueError):  # a damaged one is made again
            return {**reading.json_file(path, dict), "cached": True}
    plan = make()
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(path, json.dumps(plan))
    return {**plan, "cached": False}
