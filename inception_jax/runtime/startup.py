"""How a process that uses JAX begins: quiet, with the compilation cache on."""

import os
import time
import warnings
from pathlib import Path


def cache_folder() -> Path | None:
    """Where compiled programs are kept between processes.

    It is `$JAX_COMPILATION_CACHE_DIR`, or `~/.cache/inception_jax/xla`; None if that variable is
    empty, which turns the cache off.
    """
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR", str(default / "inception_jax" / "xla"))
    return Path(folder) if folder else None


def age() -> float:
    """Seconds since this process began, as Linux counts them; elsewhere 0."""
    try:
        # After the name, which may hold anything, the start is the 20th word: in ticks since boot.
        words = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        began = int(words[19]) / os.sysconf("SC_CLK_TCK")
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 0.0)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def start(dtype: str = "float32") -> None:
    """Sets JAX up, before it is used: compiled programs are kept between processes."""
    import jax

    if folder := cache_folder():
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    # A numpy view that JAX keeps of a donated buffer only costs a copy.
    warnings.filterwarnings("ignore", message="Some donated buffers were not usable")
