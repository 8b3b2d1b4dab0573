"""Check this host: Python, packages, code, limits, scheduler, environment variables."""

import hashlib
import json
import os
import platform
import resource
import shutil
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import inception_jax
from inception_jax.config import Config
from inception_jax.doctor.finding import Finding, size, warning
from inception_jax.progress import duration
from inception_jax.runtime import cores, distributed
from inception_jax.workdir import disk_space, origin, run_dir

CACHE = 10**9  # bytes; the compiled steps of an Inception network take about 100 MB
PACKAGE = Path(inception_jax.__file__).resolve().parent
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
# Reported only if installed.
PLUGINS = (
    "libtpu", "jax-cuda12-plugin", "jax-cuda12-pjrt", "jax-cuda13-plugin", "jax-cuda13-pjrt",
)  # fmt: skip
NCCL = 10**9  # bytes of shared memory, as its user guide advises for containers
FILES = 1024  # open files that a process needs: images, checkpoint shards, sockets
SHORT = 600  # seconds; a job with less time left ends soon after compiling
SLOW = ("JAX_DISABLE_JIT", "JAX_DEBUG_NANS", "JAX_DEBUG_INFS", "JAX_CHECK_TRACER_LEAKS")


def python() -> Finding:
    """Reports Python and the machine."""
    version = platform.python_version()
    where = f"{platform.system()} {platform.machine()}, {platform.node()}"
    what = f"{version} on {where}: {cores.available()} cores, {memory_of_host() / 1e9:.0f} GB"
    return Finding(what, same={"python": version})


def memory_of_host() -> int:
    """Returns the memory of this host in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def packages() -> Finding:
    """Checks that the versions of JAX and its plugins match."""
    import jax  # noqa: F401  # raises if jaxlib is incompatible

    installed = {name: _version(name) for name in (*PACKAGES, *PLUGINS)}
    installed = {k: version for k, version in installed.items() if version or k in PACKAGES}
    installed = {"inception_jax": inception_jax.__version__, **installed}
    text = ", ".join(f"{name} {version or 'missing'}" for name, version in installed.items())
    newest = installed["jax"]
    # They are released together; jaxlib may be older within limits, never newer.
    odd = [n for n in installed if n.startswith(("jaxlib", "jax-cuda")) and installed[n] != newest]
    if odd:
        pins = " ".join(f"{name}=={newest}" for name in odd)
        text += f"; {', '.join(odd)} differ from jax"
        return warning(text, f"pip install {pins}", same=installed)
    return Finding(text, same=installed)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def code() -> Finding:
    """Reports the digest of the code, which the processes of a run compare, and its git commit."""
    files = {
        str(path.relative_to(PACKAGE)): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    text = f"sha256 {distributed.code_digest()} of {len(files)} files in {PACKAGE}"
    return Finding(f"{text}; {_revision() or 'no git checkout'}", same=files)


def _revision() -> str:
    """`git 4015ce9`, then `, changed` if a file differs from it; empty outside a checkout."""
    found = origin.revision()
    return f"git {found['git']}{', changed' if found['changed'] else ''}" if found else ""


def config(c: Config, workdir: Path | None) -> Finding:
    """Reports the config's digest, and the values that the processes of a run must agree on."""
    notes = run_dir.notes(c, workdir or Path())
    same = {key: str(value) for key, value in notes.items() if key != "code"}
    total = hashlib.sha256(json.dumps(run_dir.plain(c)).encode()).hexdigest()[:16]
    what = f"{c.model.name}, {c.data.image_size} pixels, batches of {c.data.batch_size}"
    return Finding(f"sha256 {total}: {what}, {c.train.epochs:g} epochs", same=same)


def limits() -> Finding:
    """Checks the limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft:,}"
    text = f"{files} open files"
    if soft != resource.RLIM_INFINITY and soft < FILES:
        return warning(text, f"ulimit -n {FILES * 4 if hard < 0 else min(FILES * 4, hard)}")
    return Finding(text)


def nccl(shared: str = "/dev/shm", rdma: str = "/dev/infiniband") -> Finding:
    """Checks the shared memory, and for InfiniBand the pinned memory, by which GPUs communicate.

    Too little shared memory ends the first sum over GPUs; pinned memory is what InfiniBand reads.
    """
    free = shutil.disk_usage(shared).free
    text = f"{free / 1e6:,.0f} MB free in {shared}, {NCCL / 1e6:,.0f} MB needed"
    if free < NCCL:
        return warning(text, "give the container more: docker run --shm-size=8g")
    pinned, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if Path(rdma).is_dir() and pinned != resource.RLIM_INFINITY:
        text += f"; {pinned / 1e6:,.1f} MB of pinned memory, of which InfiniBand needs more"
        return warning(text, "ulimit -l unlimited, or docker run --ulimit memlock=-1")
    return Finding(text)


def scheduler(environment: Mapping[str, str] = os.environ) -> Finding:
    """Checks that a SLURM job was started by srun, and has time left."""
    job = environment.get("SLURM_JOB_ID")
    if not job:
        return Finding("no SLURM job")
    text = f"SLURM job {job}"
    if "SLURM_STEP_NODELIST" not in environment:
        nodes = environment.get("SLURM_JOB_NUM_NODES", "1")
        return warning(
            f"{text} of {nodes} nodes, but not started by srun: JAX would see this process alone",
            "start it with srun, even a single task: srun inception-jax ...",
        )
    text += f", task {environment.get('SLURM_PROCID')} of {environment.get('SLURM_NTASKS')}"
    end = environment.get("SLURM_JOB_END_TIME", "")
    if end.isdecimal():
        left = int(end) - time.time()
        text += f", {duration(max(left, 0))} left"
        if left < SHORT:
            return warning(text, "ask for more time (sbatch --time), or expect to be requeued")
    return Finding(text)


def variables(
    platforms: str, several: bool, environment: Mapping[str, str] = os.environ
) -> Finding:
    """Checks for environment variables that silently change a run, of `several` processes or one.

    `platforms` is JAX's, such as `cpu`; empty if unknown.
    """
    odd: dict[str, str] = {}
    proxies = [k for k in ("grpc_proxy", "https_proxy", "http_proxy") if environment.get(k)]
    direct = environment.get("no_proxy") or environment.get("no_grpc_proxy")
    if several and proxies and not direct:
        what = f"{', '.join(proxies)} without no_proxy: other processes are reached by the proxy"
        odd[what] = f"unset {' '.join(proxies)}, or export no_proxy=HOSTS"
    flags = environment.get("XLA_FLAGS", "")
    if "xla_force_host_platform_device_count" in flags and platforms not in ("cpu", ""):
        odd[f"XLA_FLAGS={flags}: virtual CPU devices, on {platforms}"] = "unset XLA_FLAGS"
    for name in SLOW:
        if environment.get(name, "").lower() in ("1", "true", "on", "yes"):
            odd[f"{name}={environment[name]}: for debugging, and slow"] = f"unset {name}"
    if "cuda" in environment.get("LD_LIBRARY_PATH", "") and platforms == "gpu":
        odd["LD_LIBRARY_PATH has a CUDA folder, which hides the CUDA of JAX's wheels"] = (
            "unset LD_LIBRARY_PATH"
        )
    if odd:
        return warning("; ".join(odd), "; ".join(odd.values()))
    seen = sorted(
        k for k in environment if k.startswith(("JAX_", "XLA_", "NCCL_")) and environment[k]
    )
    return Finding(f"set: {', '.join(seen)}" if seen else "no variable of JAX, XLA or NCCL is set")


def cache(folder: Path | None) -> Finding:
    """Checks the compilation cache."""
    if not folder:
        return warning(
            "off: every start compiles again",
            "unset JAX_COMPILATION_CACHE_DIR, or set it to a folder",
        )
    free = disk_space.free_bytes(folder)
    text = f"{folder}, {size(free)} free"
    if free < CACHE:
        return warning(text, "set JAX_COMPILATION_CACHE_DIR to a folder with more room")
    return Finding(text)
