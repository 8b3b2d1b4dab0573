"""Tests a run that is killed, preempted, frozen, corrupted and moved, in one."""

import html
import random
import re
import signal

import pytest

from inception_jax import report
from tests.faults import runs

pytestmark = pytest.mark.faults
DOUBLE = "--config.model.dtype=float64"


def begin(workdir, step):
    """Start two processes and wait for a step."""
    processes = runs.pair(workdir, DOUBLE)
    runs.wait_for_step(workdir, step, processes)
    return processes


def flip_a_bit(workdir):
    """Flip one bit of the newest checkpoint's arrays; its step."""
    folder = max(
        (p for p in (workdir / "checkpoints").iterdir() if p.name.isdigit()),
        key=lambda p: int(p.name),
    )
    rng = random.Random(0)
    path = rng.choice(sorted(p for p in folder.rglob("d/*") if p.stat().st_size > 100))
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return int(folder.name)


def test_a_run_with_every_fault(tmp_path):
    """Four attempts of two processes, then one: losses within 1e-9 of an undisturbed run."""
    undisturbed, workdir = tmp_path / "undisturbed", tmp_path / "run"
    runs.finish(undisturbed, DOUBLE, processes=2)

    killed = begin(workdir, 10)
    killed[1].kill()
    assert runs.exit_codes(killed, 60)[0] != 0

    preempted = begin(workdir, 22)
    for process in preempted:
        process.send_signal(signal.SIGTERM)
    assert runs.exit_codes(preempted, 60) == [75, 75]

    frozen = begin(workdir, 33)
    frozen[0].send_signal(signal.SIGSTOP)
    assert frozen[1].wait(60) != 0
    frozen[0].kill()
    frozen[0].wait()

    damaged = flip_a_bit(workdir)
    corrupted = begin(workdir, 44)
    for process in corrupted:
        process.send_signal(signal.SIGTERM)
    assert runs.exit_codes(corrupted, 60) == [75, 75]
    assert (workdir / "checkpoints" / f"bad-{damaged}").is_dir()
    assert f"checkpoint {damaged} is not good (renamed to bad-{damaged})" in runs.output(workdir, 0)

    runs.finish(workdir, DOUBLE, devices=4)  # one process, four devices

    ours, theirs = runs.losses(workdir), runs.losses(undisturbed)
    assert ours.keys() == theirs.keys()
    assert max(abs(ours[k] / theirs[k] - 1) for k in ours) <= 1e-9
    assert runs.counts(workdir) == runs.counts(undisturbed)

    page = report.write([workdir], tmp_path / "report.html").read_text()
    table = re.search(r'<table class="attempts">.*?</table>', page, re.DOTALL)
    assert table
    rows = [
        [html.unescape(re.sub("<.*?>", "", cell)) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
        for row in re.findall(r"<tr>.*?</tr>", table[0], re.DOTALL)[1:]
    ]
    assert [row[6] for row in rows] == [
        "70: hung, or a process was lost", "75: stopped, saved", "killed", "75: stopped, saved",
        "done",
    ]  # fmt: skip
    assert rows[-1][4] == "60"
    assert re.search(r"Goodput: \d+\.\d% of the time", page)
