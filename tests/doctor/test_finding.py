"""Tests `finding`: time limits and errors of checks, findings as JSON."""

import json
import time
from dataclasses import asdict

import pytest

from inception_jax.doctor.finding import FAIL, OK, Checks, Finding, warning
from inception_jax.errors import DataError


def test_a_check_has_a_time_limit():
    """One that does not return fails after its limit, and the next one runs."""
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


def test_findings_are_json():
    """A finding can be sent to another process."""
    found = warning("a", "b", same={"c": "d"})
    assert Finding(**json.loads(json.dumps(asdict(found)))) == found
