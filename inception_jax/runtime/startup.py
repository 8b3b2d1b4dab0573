"""Set up JAX in a new process: warnings, precision, compilation cache."""

import os
import time
import warnings
from pathlib import Path


def cache_folder() -> Path | None:
    """The compilation cache: `$JAX_COMPILATION_CACHE_DIR`, or `~/.cache/inception_jax/xla`.

    None, without a cache, if that variable is empty.
    """
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR", str(default / "inception_jax" / "xla"))
    return Path(folder) if folder else None


def age() -> float:
    """Seconds since this process started; 0 where that is not Linux."""
    try:
        # After the name, which may hold spaces, the 20th word is the start in ticks since boot.
        words = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        began = int(words[19]) / os.sysconf("SC_CLK_TCK")
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 0.0)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def start(dtype: str = "float32") -> None:
    """Set up JAX before its first use: compiled programs are cached between processes."""
    import jax

    if folder := cache_folder():
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    # A donated buffer that a numpy view still uses only costs a copy.
    warnings.filterwarnings("ignore", message="Some donated buffers were not usable")
