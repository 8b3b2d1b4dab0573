"""Tests what the doctor finds: each check against a host, a disk or a config with that trouble."""

import json
import os
import resource
import socket
import subprocess
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inception_jax.cli import pages
from inception_jax.doctor import devices, directory, host, hosts, images, network
from inception_jax.doctor.finding import FAIL, OK, WARN, Checks, Finding, failure, size, warning
from inception_jax.errors import ConfigError, DataError
from inception_jax.runtime import distributed
from inception_jax.runtime import mesh as meshes
from inception_jax.train.trainer import Trainer
from inception_jax.workdir import run_dir

ROOT = Path(__file__).resolve().parents[2]


def page(name: str = "digits", **values):
    """A config page with other values: `data__dir` is data.dir."""
    config = pages.load(str(ROOT / f"configs/{name}.py"))
    for key, value in values.items():
        section, key = key.split("__")
        config[section][key] = value
    return config


def test_a_check_has_its_time():
    """One that never comes back is a failure after its limit, and the next one is made."""
    checks = Checks()
    began = time.monotonic()
    stuck = checks.run("stuck", lambda: time.sleep(60) or Finding(""), limit=0.2)
    assert (stuck.state, checks.stuck) == (FAIL, True) and "0.2 s" in stuck.found
    assert time.monotonic() - began < 5
    assert checks.run("next", lambda: Finding("fine")).state == OK
    assert [f.name for f in checks.findings] == ["stuck", "next"]


@pytest.mark.parametrize(("error", "code"), [(DataError("gone"), 65), (KeyError("gone"), 78)])
def test_an_error_is_a_finding(error, code):
    """A check that raises fails with the error's code; any error has one."""

    def check():
        raise error

    found = Checks().run("x", check)
    assert (found.state, found.code) == (FAIL, code) and "gone" in found.found


def test_versions(monkeypatch):
    """A jaxlib or plugin of another release is warned of, with what to install."""
    assert host.packages().state == OK
    versions = {"jax": "0.10.2", "jaxlib": "0.10.1", "jax-cuda12-plugin": "0.10.0"}
    monkeypatch.setattr(host, "_version", lambda name: versions.get(name, ""))
    found = host.packages()
    assert found.state == WARN and "flax missing" in found.found
    assert found.advice == "pip install jaxlib==0.10.2 jax-cuda12-plugin==0.10.2"


def test_code_and_config_have_names():
    """The digests are those that a run's processes compare; a changed value changes one."""
    assert distributed.code_digest() in host.code().found
    one, other = host.config(page(), None), host.config(page(optim__lr=0.3), None)
    differs = [k for k in one.same if one.same[k] != other.same[k]]
    assert one.found != other.found and differs == ["optim.lr"]


def test_an_accelerator_that_is_not_used(tmp_path, monkeypatch):
    """A GPU's or a TPU's driver on a host whose JAX computes on the CPU."""
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert devices.there(tmp_path).state == OK
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "accel0").touch()
    assert devices.there(tmp_path).advice == "pip install -e '.[tpu]'"
    (tmp_path / "proc/driver/nvidia/gpus/0000:00:04.0").mkdir(parents=True)
    found = devices.there(tmp_path)
    assert found.state == WARN and found.advice == "pip install -e '.[cuda12]'"
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert "unset JAX_PLATFORMS" in devices.there(tmp_path).advice


def test_arithmetic(monkeypatch):
    """Eight devices' sum is right; a wrong one is noticed."""
    assert "8 devices" in devices.arithmetic().found
    monkeypatch.setattr(jnp, "sum", lambda x: x.sum() + 1)
    assert devices.arithmetic().state == FAIL


def test_mesh():
    """What trains passes; idle devices are warned of."""
    assert "8 data x 1 model, 8 images" in devices.mesh(meshes.make(), 64).found
    idle = devices.mesh(meshes.make(4), 64)
    assert idle.state == WARN and "4 of 8 devices stand idle" in idle.found


@pytest.mark.parametrize(
    ("environment", "state", "says"),
    [({}, OK, "no SLURM"),
     ({"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "4"}, WARN, "4 nodes, but not started by srun"),
     ({"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "n1", "SLURM_JOB_END_TIME": "+9090"}, OK, "2h3"),
     ({"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "n1", "SLURM_JOB_END_TIME": "+60"}, WARN, ""),
    ],
)  # fmt: skip
def test_scheduler(environment, state, says):
    """A job outside of srun, or one that ends soon."""
    if end := environment.get("SLURM_JOB_END_TIME"):
        environment = {**environment, "SLURM_JOB_END_TIME": str(int(time.time()) + int(end))}
    found = host.scheduler(environment)
    assert found.state == state and says in found.found


@pytest.mark.parametrize(
    ("environment", "platform", "several", "state"),
    [({"http_proxy": "x"}, "cpu", False, OK), ({"http_proxy": "x"}, "cpu", True, WARN),
     ({"http_proxy": "x", "no_proxy": "n1"}, "cpu", True, OK),
     ({"JAX_DEBUG_NANS": "1"}, "", False, WARN),
     ({"JAX_DEBUG_NANS": "0"}, "", False, OK),
     ({"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}, "cpu", False, OK),
     ({"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}, "gpu", False, WARN),
     ({"LD_LIBRARY_PATH": "/usr/local/cuda/lib"}, "gpu", False, WARN),
     ({"LD_LIBRARY_PATH": "/usr/local/cuda/lib"}, "cpu", False, OK)],
)  # fmt: skip
def test_variables(environment, platform, several, state):
    """Each variable is odd only where it does harm."""
    found = host.variables(platform, several, environment)
    assert found.state == state and bool(found.advice) == (state == WARN)


def test_limits(tmp_path, monkeypatch):
    """Shared memory that is too small for `data.processes`, and few open files."""
    c = page(data__processes=2)
    needed = images.shared_memory(c, 1)
    assert needed == 3 * 64 * (24 * 24 * 3 + 8) and images.shared_memory(page(), 1) == 0
    usage = {"free": needed}
    monkeypatch.setattr(host.shutil, "disk_usage", lambda path: SimpleNamespace(**usage))
    assert host.limits(needed, str(tmp_path)).state == OK
    usage["free"] -= 1
    found = host.limits(needed, str(tmp_path))
    assert found.state == FAIL and "--config.data.processes=0" in found.advice
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1023, hard))
        assert host.limits().advice.startswith("ulimit -n ")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def place(address: str, index: int = 1) -> distributed.ProcessAddress:
    return distributed.ProcessAddress(address, 2, index)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("", 0))
        return s.getsockname()[1]


def test_coordinator_that_answers():
    """The first process's port is free, then open to the others, also when it opens late."""
    port = free_port()
    assert "port is free" in network.coordinator(place(f"127.0.0.1:{port}", 0), 1).found
    late = f"time.sleep(0.5); door = socket.create_server(('', {port})); time.sleep(30)"
    with subprocess.Popen(["python3", "-c", f"import socket, time; {late}"]) as program:
        try:
            found = network.coordinator(place(f"127.0.0.1:{port}"), 20)
            assert (found.state, "this machine only" in found.found) == (OK, True)
            used = network.coordinator(place(f"127.0.0.1:{port}", 0), 1)
            assert used.state == FAIL and "another program" in used.found
        finally:
            program.kill()


def test_coordinator_that_does_not():
    """No such name; nobody there; a name that is this machine's own on every machine."""
    nameless = network.coordinator(place("no.such.host.invalid:6666"), 1)
    assert nameless.state == FAIL and "does not resolve" in nameless.found
    began = time.monotonic()
    silent = network.coordinator(place(f"127.0.0.1:{free_port()}"), 0.5)
    assert silent.state == FAIL and "start process 0" in silent.advice
    assert 0.5 <= time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("index", "own", "answers", "state"),
    [(0, "n1", False, WARN), (1, "n2", False, FAIL), (1, "n2", True, WARN)],
)
def test_coordinator_that_is_everybody(index, own, answers, state, monkeypatch, request):
    """A host that resolves its name to 127.x would wait alone, and so would the others.

    Unless the first process is there: SLURM may have several nodes on one machine.
    """
    port = free_port()
    if answers:
        door = socket.create_server(("127.0.0.1", port))
        request.addfinalizer(door.close)
        monkeypatch.setattr(socket, "create_connection", lambda *a, **k: door)
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.1.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answer)
    monkeypatch.setattr(socket, "gethostname", lambda: own)
    found = network.coordinator(place(f"n1:{port}", index), 0.2)
    assert found.state == state and "/etc/hosts" in found.advice


@pytest.fixture
def folder(tmp_path):
    """Two splits of two classes, 12 noisy images each."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(6):
                pixels = rng.integers(0, 255, (40, 30, 3), np.uint8)
                cv2.imwrite(str(tmp_path / split / name / f"{i}.jpg"), pixels)
    return tmp_path


def test_a_split(folder):
    """Images and classes are counted, some are read; classes that are not the config's refused."""
    c = page("finetune", data__dir=str(folder))
    found = images.split(c, "train", seconds=0.1)
    assert (
        "12 images of 2 classes, 8 tried" in found.found and "images/s on 2 threads" in found.found
    )
    with pytest.raises(ConfigError, match="classes=3: expected 2"):
        images.split(page("finetune", data__dir=str(folder), data__classes=3), "train")
    with pytest.raises(ConfigError, match="not a folder"):
        images.split(page("finetune", data__dir=str(folder / "none")), "train")


def test_unreadable_images(folder):
    """One that cannot be read is named; where most cannot, a run would end with 65."""
    files = sorted((folder / "train").rglob("*.jpg"))
    c = page("finetune", data__dir=str(folder))
    chosen = np.random.default_rng(c.seed).choice(12, 8, replace=False)
    for i, n in enumerate(chosen[:5]):
        files[n].write_bytes(b"\xff\xd8 no picture")
        found = images.split(c, "train")
        assert found.state == (FAIL if i == 4 else WARN)
        assert str(files[n].relative_to(folder)) in found.found
    assert found.code == DataError.code


def test_workdir(tmp_path):
    """A new one, a run's own and another's; nothing is left behind."""
    c, alone, new = page(), hosts.Hosts(), tmp_path / "a" / "b"
    assert directory.shared(new, c, False, alone).found.endswith(": new")
    assert not (tmp_path / "a").exists()
    with run_dir.opened(new, c, False):
        (new / "checkpoints" / "40").mkdir(parents=True)
        (new / "checkpoints" / "9").mkdir()
        (new / "checkpoints" / "bad-50").mkdir()
        check = partial(directory.shared, new, c, False, alone)
        locked = subprocess.run(
            ["python3", "-c", f"import fcntl; fcntl.flock(open({str(new / '.lock')!r}), 6)"],
            capture_output=True,
        )
        assert locked.returncode  # the run has it
        with pytest.raises(ConfigError, match="another process is training"):
            check()
    assert "step 40 of 2 checkpoints" in check().found
    with pytest.raises(ConfigError, match=r"optim.lr: 0.2 there, 0.3 now"):
        directory.shared(new, page(optim__lr=0.3), False, alone)
    assert directory.shared(new, page(optim__lr=0.3), True, alone).state == OK
    assert sorted(p.name for p in new.iterdir()) == [".lock", "checkpoints", "config.json"]


@pytest.mark.parametrize("where", ["a_file/run", "/proc/run"])
def test_unwritable_workdir(where, tmp_path):
    """Below a file, and where not even root may create one."""
    (tmp_path / "a_file").touch()
    with pytest.raises(ConfigError, match="directory that can be created and written"):
        directory.shared(tmp_path / where, page(), False, hosts.Hosts())


class Others(hosts.Hosts):
    """Hosts whose first process says what a test has it say."""

    def __init__(self, says, **fields):
        super().__init__(**fields)
        self.says = says

    def told(self, name, value):
        return {**dict.fromkeys(range(self.count), value), 0: self.says.get(name, value)}


def test_workdir_that_others_do_not_see(tmp_path, monkeypatch):
    """A host that does not find the first one's file has another file system there."""
    monkeypatch.setattr(directory, "SEEN", 0.3)
    others = Others({"token": ".doctor-1"}, index=1, count=2)
    assert directory.shared(tmp_path, page(), False, others).state == FAIL
    (tmp_path / ".doctor-1").write_text(".doctor-1")
    assert "seen by all" in directory.shared(tmp_path, page(), False, others).found


def test_init(tmp_path):
    """A run to start from has a checkpoint."""
    with pytest.raises(ConfigError):
        directory.init(tmp_path)
    with run_dir.opened(tmp_path, page(), False):
        pass
    with pytest.raises(DataError):
        directory.init(tmp_path)
    (tmp_path / "checkpoints" / "12").mkdir(parents=True)
    assert "googlenet at step 12" in directory.init(tmp_path).found


def test_room(tmp_path, monkeypatch):
    """Checkpoints that are kept, and one on its way, less those that are there."""
    state = {"a": jax.ShapeDtypeStruct((1000,), np.float32)}
    free, each = {}, 4000 + directory.BESIDE
    monkeypatch.setattr(directory, "free_bytes", lambda path: free["bytes"])

    def fits(count, **values):
        """Whether exactly so many checkpoints are asked for."""
        states = []
        for free["bytes"] in (count * each, count * each - 1):
            found = directory.room(tmp_path, page(**values), state)
            states.append((found.state, found.code))
        return states == [(OK, 0), (FAIL, 74)]

    assert fits(3)
    assert fits(9, checkpoint__keep=5, checkpoint__keep_best=3)
    assert fits(3 + 8, checkpoint__keep_every_epochs=4.0)
    (tmp_path / "checkpoints" / "7").mkdir(parents=True)
    assert fits(2)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_room_on_a_small_disk(tmp_path):
    """A real file system of 8 MB: its free space is what is compared."""
    small = tmp_path / "small"
    small.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)]
    if subprocess.run(line, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        for size, state in ((1_500_000, OK), (2_000_000, FAIL)):
            each = {"a": jax.ShapeDtypeStruct((size // 4,), np.float32)}
            assert directory.room(small / "run", page(), each).state == state
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_cache(tmp_path, monkeypatch):
    """Where programs are kept there is room; or nothing is kept."""
    assert directory.cache("").state == WARN
    monkeypatch.setattr(directory, "free_bytes", lambda path: directory.CACHE)
    assert directory.cache(str(tmp_path)).state == OK
    monkeypatch.setattr(directory, "free_bytes", lambda path: directory.CACHE - 1)
    assert directory.cache(str(tmp_path)).state == WARN


def test_clocks():
    """Two seconds between two hosts are too many."""
    for apart, state in ((1.5, OK), (-1.5, OK), (3.0, WARN), (-3.0, WARN)):
        others = Others({"time": time.time() + apart}, index=1, count=2)
        assert hosts.clocks(others).state == state


def test_findings_of_all():
    """One line where hosts agree; one for each that has something else to say; what differs."""
    two = hosts.Hosts(count=3)
    fine = Finding("here", name="disk")
    full = failure("full", "free some", 74, name="disk")
    assert hosts.merged({0: [fine], 1: [replace(fine, found="there")], 2: [fine]}, two) == [fine]
    ok, bad = hosts.merged({0: [fine], 1: [full], 2: [full]}, two)
    assert ok.state == OK and "(0): here" in ok.found
    assert (bad.state, bad.code, bad.advice) == (FAIL, 74, "free some")
    assert "(1)" in bad.found and "(2): full" in bad.found
    alike = [Finding("", name="code", same={"a.py": "1", "b.py": b}) for b in "112"]
    merged = hosts.merged({i: [f] for i, f in enumerate(alike)}, two)
    assert [f.state for f in merged] == [OK, FAIL]
    assert "b.py: 1 on " in merged[1].found and "a.py" not in merged[1].found
    missing = hosts.merged({0: [fine], 1: [fine], 2: []}, two)
    assert "(0), ? (1): here" in missing[0].found  # and not of the third


@pytest.fixture(scope="module")
def small():
    """A job of a narrow network of a few rows, on one device."""
    rows = tuple(f"inception_{row}" for row in ("4b", "4c", "4d", "4e", "5a", "5b"))
    return Trainer(
        page(data__batch_size=16, model__width=0.125, model__drop_rows=rows, mesh__data=1)
    )


def test_memory_without_a_compiler(small, monkeypatch):
    """The bytes of the state, and the commands that know what a step needs; nothing compiles."""
    monkeypatch.setattr(Trainer, "compiled", None)
    found = devices.memory(small)
    state = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(small.empty_state))
    assert found.state == OK and found.found.startswith(f"{size(state)} of state a device")
    assert "inception-jax plan" in found.found and "--compile" in found.found


def test_memory_by_the_compiler(small, monkeypatch):
    """What its analysis adds up to; above nine tenths of a device a warning names remedies."""
    analysis = SimpleNamespace(
        argument_size_in_bytes=500, output_size_in_bytes=400, temp_size_in_bytes=500,
        alias_size_in_bytes=400,
    )  # fmt: skip
    compiled = SimpleNamespace(memory_analysis=lambda: analysis)
    monkeypatch.setattr(Trainer, "compiled", lambda self: compiled)
    for have, state in ((1000 / 0.89, OK), (1000 / 0.91, WARN)):
        monkeypatch.setattr(devices, "memory_of_host", lambda have=have: int(8 * have))
        found = devices.memory(small, compile=True)
        assert found.state == state and "a step 1.0 kB" in found.found
        assert bool(found.advice) == (state == WARN)


def test_findings_are_json():
    """A finding goes to another process and comes back."""
    found = warning("a", "b", same={"c": "d"})
    assert Finding(**json.loads(json.dumps(found.json()))) == found
