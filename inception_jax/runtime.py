"""How a process that uses JAX begins: quiet, with the compilation cache on."""

import os
import warnings
from pathlib import Path


def start(dtype: str = "float32") -> None:
    """Sets JAX up, before it is used: compiled programs are kept between processes.

    The cache is `$JAX_COMPILATION_CACHE_DIR`, or `~/.cache/inception_jax/xla`; an empty
    `JAX_COMPILATION_CACHE_DIR` turns it off.
    """
    import jax

    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR", str(default / "inception_jax" / "xla"))
    if folder:
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    # A numpy view that JAX keeps of a donated buffer only costs a copy.
    warnings.filterwarnings("ignore", message="Some donated buffers were not usable")
