"""Tests `examination`: the order of the checks, and those that are skipped. Others: tests/cli."""

from inception_jax.doctor.examination import Examination
from inception_jax.doctor.finding import FAIL, OK
from inception_jax.runtime.distributed import ProcessAddress


def test_a_host_alone():
    """Without a config: host and devices, each shown when it is done."""
    shown = []
    examination = Examination(shown.append)
    examination.run()
    assert [f.name for f in shown] == [
        "python", "packages", "code", "scheduler", "devices", "arithmetic", "variables", "cache",
    ]  # fmt: skip
    assert examination.findings == shown and examination.reports == {0: shown}
    assert not examination.skipped and not examination.checks.stuck


def test_checks_without_their_prerequisite_are_skipped():
    """Without a coordinator the processes are not joined; the findings are shown at the end."""
    shown = []
    address = ProcessAddress("no.such.host.invalid:6666", 2, 1)
    examination = Examination(shown.append, address=address, patience=0.1)
    examination.run()
    states = {f.name: f.state for f in examination.findings}
    assert states["coordinator"] == FAIL and states["devices"] == OK and "clocks" not in states
    assert examination.skipped == {"processes": "the coordinator"} and not shown
