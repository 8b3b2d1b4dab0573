"""Every test runs on the CPU with eight virtual devices, strict dtypes, and warnings as errors."""

import math
import os
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"
FLAGS = os.environ.get("XLA_FLAGS", "")
os.environ["XLA_FLAGS"] = f"{FLAGS} --xla_force_host_platform_device_count=8"

import hypothesis  # noqa: E402
import jax  # noqa: E402
import pytest  # noqa: E402
from jaxtyping import install_import_hook  # noqa: E402
from ml_collections import ConfigDict  # noqa: E402

# Shapes and types are checked in tests only, at every call.
TYPED = ["inception_jax.models", "inception_jax.train.losses", "inception_jax.eval.metrics"]
install_import_hook(TYPED, "beartype.beartype")

# From Python 3.12 on a protocol's check does not see the attributes that a ConfigDict computes.
Mapping.register(ConfigDict)

# No time limit for an example: other processes share the machine.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

jax.config.update("jax_numpy_dtype_promotion", "strict")
# Programs compiled by an earlier run of the suite are taken from here; results do not depend on it.
jax.config.update("jax_compilation_cache_dir", str(Path("~/.cache/inception_jax/xla").expanduser()))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)

ROOT = Path(__file__).resolve().parent.parent
TEN_MINUTES = 600
UNTIL = float(os.environ.get("INCEPTION_JAX_UNTIL", "inf"))  # seconds since 1970, see .ci/run


def pytest_configure(config: pytest.Config) -> None:
    """The default suite compiles with XLA's older code generator, which is faster.

    Other tests compare the bits of different programs, which are equal with the newer only.
    """
    if "not slow" in config.option.markexpr:
        os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With a time limit, tests on real images run first, then files in a random order."""
    if math.isfinite(UNTIL):
        files = sorted({item.path for item in items})
        random.Random(UNTIL).shuffle(files)
        items.sort(key=lambda item: ("data" not in item.keywords, files.index(item.path)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that starts after the time limit; one on real images has ten minutes more."""
    more = TEN_MINUTES if "data" in item.keywords else 0
    if time.time() > UNTIL + more:
        pytest.skip("no time is left")


def _from_environment(variable: str, what: str) -> Path:
    """The folder that `variable` names; without it the test is skipped, or fails in CI."""
    folder = os.environ.get(variable)
    if not folder:
        message = f"{what}: set {variable}"
        if os.environ.get("INCEPTION_JAX_REQUIRE_ALL"):
            pytest.fail(message)
        pytest.skip(message)
    return Path(folder)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images: cifar10/{train,test}/class/*.jpg and imagenet/*.JPEG."""
    return _from_environment("INCEPTION_JAX_DATA", "needs the real images")


@pytest.fixture(scope="session")
def peer_files() -> Path:
    """The folder of files that `tests/peers/write_*.py` made."""
    return _from_environment("INCEPTION_JAX_PEERS", "needs the peers' reference files")


@pytest.fixture
def quick_compiler(request):
    """XLA compiles in half the time: most of its optimisations are off; not in slow tests."""
    jax.config.update("jax_disable_most_optimizations", "slow" not in request.keywords)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def promotion():
    """Dtypes promote as in a run, in threads too: optax's Adam raises a float to a count."""
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture
def float64():
    """Runs a test in double precision."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def command():
    """Runs `inception-jax` as a user would: (words) -> subprocess.CompletedProcess."""
    import subprocess

    def run(*words: str, devices: int = 1, **options):
        env = {
            **os.environ,
            "XLA_FLAGS": f"{FLAGS} --xla_force_host_platform_device_count={devices}",
        }
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.run(
            [sys.executable, "-m", "inception_jax", *map(str, words)],
            env=env, capture_output=True, text=True, cwd=ROOT, timeout=600, **options,
        )  # fmt: skip

    return run
