"""Tests `hosts`: clocks, and merged findings of several processes."""

import time
from dataclasses import replace

from inception_jax.doctor import hosts
from inception_jax.doctor.finding import FAIL, OK, WARN, Finding, failure
from tests.doctor.conftest import Others


def test_clocks():
    """More than two seconds between two hosts are a warning."""
    for apart, state in ((1.5, OK), (-1.5, OK), (3.0, WARN), (-3.0, WARN)):
        others = Others({"time": time.time() + apart}, index=1, count=2)
        assert hosts.clocks(others).state == state


def test_merged_findings():
    """One finding if hosts agree, one for each different finding, one for values that differ."""
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
    assert "(0), ? (1): here" in missing[0].found  # the third has none
