"""Tests `inception-jax doctor` as a user meets it: what it prints, its codes, several processes."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inception_jax import cli
from inception_jax.doctor import examination
from inception_jax.doctor.finding import OK

ROOT = Path(__file__).resolve().parent.parent.parent
DIGITS = "--config=configs/digits.py"
MARGIN = 19  # columns of the state and the name of a check
STEMMED = [
    "--config.model.name=inception_v3",
    "--config.model.stem=paper",
    "--config.model.drop_rows=()",
]  # needs 75 pixels


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """From the repository, reading for a moment only, on a terminal of 80 columns."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(examination, "READING", 0.1)


def states(out: str) -> dict[str, str]:
    """The state of each check by its name, from what was printed."""
    rows = (line.split() for line in out.splitlines() if line[:4].strip() in ("ok", "warn", "FAIL"))
    return {row[1]: row[0] for row in rows}


def test_a_good_page(tmp_path, capsys):
    """The digits: every check is ok, the lines fit, and nothing is left behind."""
    assert cli.main(["doctor", DIGITS, f"--workdir={tmp_path / ('long' * 20)}"]) == 0
    out = capsys.readouterr().out
    found = states(out)
    assert set(found.values()) == {OK} and out.splitlines()[-1] == f"ready: {len(found)} checks"
    wanted = "python packages code config scheduler devices arithmetic variables cache limits"
    assert list(found) == f"{wanted} train eval mesh workdir memory room".split()
    # A path that is longer stays whole, alone beside the names of checks (as long as CI's are).
    assert all(len(line) < 80 or len(line[MARGIN:].split()) == 1 for line in out.splitlines())
    assert "\x1b" not in out
    assert not list(tmp_path.iterdir())


def test_a_host_alone(capsys):
    """Without a page: the host."""
    assert cli.main(["doctor"]) == 0
    found = states(capsys.readouterr().out)
    assert "devices" in found and not {"config", "train", "mesh", "room"} & set(found)


def test_a_run(tmp_path, capsys):
    """The config of the directory, and no other, with overrides."""
    from inception_jax.cli import pages
    from inception_jax.workdir import run_dir

    with run_dir.opened(tmp_path, pages.load("configs/digits.py"), False):
        pass
    words = ["doctor", f"--workdir={tmp_path}", "--config.train.epochs=90"]
    assert cli.main([*words, "--config.mesh.data=16"]) == 78  # nor does it fit: which saves time
    out = capsys.readouterr().out
    assert states(out)["workdir"] == "FAIL" and "train.epochs: 30.0 there, 90.0 now" in out
    assert cli.main([*words, "--allow_config_change"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "failed", "skipped"),
    [(["--config=configs/finetune.py"], 78, {"train", "eval"}, "memory and room"),
     ([DIGITS, "--config.mesh.data=16"], 78, {"mesh"}, "memory and room"),
     ([DIGITS, "--config.loss.teacher=WORKDIR"], 78, {"teacher"}, "memory and room"),
     ([DIGITS, "--config.data.batch_size=60"], 78, {"mesh"}, "memory and room"),
     ([DIGITS, *STEMMED, "--workdir=WORKDIR"], 78, {"memory"}, "room"),
     (["--coordinator=no.such.host.invalid:1", "--processes=2", "--process=1"], 78, {"coordinator"},
      "processes"),
     (["--coordinator=127.0.0.1:PORT", "--processes=2", "--process=0", "--patience=1"], 70,
      {"processes"}, ""),
     (["--coordinator=127.0.0.1:PORT", "--processes=2", "--process=1", "--patience=1"], 78,
      {"coordinator"}, "processes")],
)  # fmt: skip
def test_trouble(words, code, failed, skipped, tmp_path, capsys):
    """What fails, with which code, and what was not looked at for it."""
    names = {"PORT": str(free_port()), "WORKDIR": str(tmp_path)}
    for name, value in names.items():
        words = [w.replace(name, value) for w in words]
    assert cli.main(["doctor", *words]) == code
    out = capsys.readouterr().out
    assert {name for name, state in states(out).items() if state == "FAIL"} == failed
    assert f"(exit code {code})" in out and skipped in out.partition("not checked: ")[2]


def test_disk_full(tmp_path, monkeypatch, capsys):
    """No room for the checkpoints is 74, and said in JSON too."""
    monkeypatch.setattr("inception_jax.workdir.disk_space.free_bytes", lambda path: 1_000_000)
    words = ["doctor", DIGITS, f"--workdir={tmp_path / 'run'}", "--json"]
    assert cli.main(words) == 74
    found = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in found["checks"]}
    assert (found["verdict"], found["code"], rows["room"]["state"]) == ("FAIL", 74, "FAIL")
    assert rows["cache"]["state"] == "warn" and rows["mesh"]["state"] == OK
    assert found["processes"]["0"] == found["checks"] and "same" not in rows["code"]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("", 0))
        return s.getsockname()[1]


def two(*more: list[str], code: tuple[Path, Path] = (ROOT, ROOT)):
    """Runs doctor as two processes, each with its own words and code: (codes, outputs)."""
    port, programs = free_port(), []
    for rank in (0, 1):
        env = {**os.environ, "XLA_FLAGS": "", "PYTHONPATH": str(code[rank])}
        words = [f"--coordinator=127.0.0.1:{port}", "--processes=2", f"--process={rank}"]
        line = [sys.executable, "-P", "-m", "inception_jax", "doctor", DIGITS, *words, *more[rank]]
        programs.append(subprocess.Popen(line, env=env, stdout=subprocess.PIPE, text=True))
    outs = [p.communicate(timeout=300)[0] for p in programs]
    return [p.returncode for p in programs], outs


@pytest.mark.slow
def test_two_processes(tmp_path):
    """Two that agree: the first one prints for both."""
    words = [f"--workdir={tmp_path / 'run'}"]
    codes, (first, second) = two(words, words)
    found = states(first)
    assert codes == [0, 0] and set(found.values()) == {OK} and second == ""
    assert {"coordinator", "processes", "clocks"} <= set(found)
    assert f"ready on 2 processes: {len(found)} checks" in first
    assert "2 data x 1 model, 32 images" in first and "visible on all" in first


@pytest.mark.slow
def test_two_processes_that_differ(tmp_path):
    """Another rate in one, and a changed file of the code: both are named."""
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT / "inception_jax", copy / "inception_jax", ignore=shutil.ignore_patterns("__pycache__")
    )
    with (copy / "inception_jax" / "losses.py").open("a") as f:
        f.write("# changed\n")
    words = [f"--workdir={tmp_path / 'run'}", "--config.mesh.data=16"]
    codes, (first, second) = two(words, [*words, "--config.optim.lr=0.3"], code=(ROOT, copy))
    assert codes == [78, 78] and second == ""
    plain = " ".join(first.split())
    host = socket.gethostname()
    assert f"optim.lr: 0.2 on {host} (0), 0.3 on {host} (1) -> give every process" in plain
    assert "not the same everywhere: losses.py: " in plain
    assert "a run would fail: code, config, mesh (exit code 78) on 2 processes" in first
    assert first.count("FAIL  mesh") == 1  # which both say
