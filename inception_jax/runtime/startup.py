"""Set up JAX in a new process: warnings, precision, compilation cache."""

import os
import sys
import time
import warnings
from pathlib import Path

from inception_jax.errors import ConfigError
from inception_jax.runtime import user_paths


def cache_folder() -> Path | None:
    """The compilation cache: `$JAX_COMPILATION_CACHE_DIR`, or `~/.cache/inception_jax/xla`.

    None, without a cache, if that variable is empty or there is no home.
    """
    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if folder is not None:
        return user_paths.expanded(folder) if folder else None
    base = user_paths.cache_home()
    return base / "inception_jax" / "xla" if base else None


def _cores() -> int | None:
    """Cores that this process may use."""
    on_linux = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if on_linux else os.cpu_count()


def age() -> float:
    """Seconds since this process started; 0 where that is not Linux."""
    try:
        # After the name, which may hold spaces, the 20th word is the start in ticks since boot.
        words = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        began = int(words[19]) / os.sysconf("SC_CLK_TCK")
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 0.0)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def check_xla_flags() -> None:
    """Refuse a wrong `XLA_FLAGS`, at which XLA would exit with 1: it is tried in a child process.

    Only before JAX is imported: then this process has one thread, and can be copied.

    Raises:
        ConfigError: names the flag.
    """
    if not os.environ.get("XLA_FLAGS") or "jax" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # as JAX does; jaxlib reads it once
    from jaxlib import _jax

    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.dup2(writing, 2)
            _jax.CompileOptions()
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        text = file.read().decode(errors="replace")
    if os.waitpid(child, 0)[1]:
        reason = text.partition("\n")[0].rpartition("] ")[2]
        raise ConfigError(
            f"XLA_FLAGS={os.environ['XLA_FLAGS']}: expected flags of XLA; {reason}; "
            f"correct or unset it"
        )


def start(dtype: str = "float32", platforms: str = "") -> None:
    """Set up JAX before its first use: compiled programs are cached between processes.

    Args:
        dtype: of the model; float64 turns double precision on.
        platforms: to use instead of those of `JAX_PLATFORMS`; cpu claims no accelerator.

    Raises:
        ConfigError: a variable of JAX or XLA is not one of theirs, or names what is not there.
    """
    check_xla_flags()
    try:
        import jax
    except ValueError as e:
        raise ConfigError(f"{e}; correct or unset the variable") from e

    if platforms:
        jax.config.update("jax_platforms", platforms)
    if dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    try:
        jax.devices()
    except Exception as e:  # of several types
        if not (asked := jax.config.jax_platforms):
            raise
        reason = str(e).split(" (set JAX_PLATFORMS")[0] or f"{asked} could not be initialised"
        raise ConfigError(
            f"JAX_PLATFORMS={asked}: expected platforms of this machine; "
            f"{reason.splitlines()[0].rstrip('.')}. "
            f"Unset it, or install what it needs: pip install 'inception-jax[cuda12]' or [tpu]"
        ) from e
    if folder := cache_folder():
        # XLA splits loops over the cores of the CPU that compiles; their count is not in the key.
        own = f"{_cores()}-cores" if jax.default_backend() == "cpu" else ""
        jax.config.update("jax_compilation_cache_dir", str(folder / own))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # A donated buffer that a numpy view still uses only costs a copy.
    warnings.filterwarnings("ignore", message="Some donated buffers were not usable")
