"""Tests `inception_jax/train/profile.py` without a profiler; a real one in test_run.py."""

import jax
import pytest

from inception_jax.train.profile import FIRST, Trace


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """The profiler's calls; stopping leaves a file as JAX does."""
    calls = []

    def start(folder, create_perfetto_trace):
        calls.append("start")

    def stop():
        calls.append("stop")
        (tmp_path / "plugins").mkdir(exist_ok=True)
        (tmp_path / "plugins" / "perfetto_trace.json.gz").touch()

    monkeypatch.setattr(jax.profiler, "start_trace", start)
    monkeypatch.setattr(jax.profiler, "stop_trace", stop)
    return calls


def test_two_steps_from_the_tenth_on(calls, tmp_path):
    """On before step 10, off before step 12, and not again; the steps' time in between."""
    trace = Trace(tmp_path, 2)
    toggled, texts, spent = [], [], {"steps": 100.0, "input": 10.0}
    for step in range(1, 30):
        if trace.due(step):
            toggled.append(step)
            texts.append(trace.toggle(step, spent))
        spent = {"steps": spent["steps"] + 0.5, "input": spent["input"] + 0.1}
    assert toggled == [FIRST, FIRST + 2] and calls == ["start", "stop"]
    assert texts[0] == ""
    assert texts[1].startswith("profile: 2 steps of 500.0 ms, 20.0% of it waiting for images\n")
    assert str(tmp_path / "plugins" / "perfetto_trace.json.gz") in texts[1]
    assert not trace.due(None)


def test_the_end_of_a_run_ends_an_open_trace(calls, tmp_path):
    """A run of 11 steps, of which 20 were to be traced: the two that ran are reported."""
    trace = Trace(tmp_path, 20)
    assert not trace.due(None) and trace.due(FIRST)
    trace.toggle(FIRST, {"steps": 0.0, "input": 0.0})
    assert trace.due(None)
    assert "profile: 2 steps of" in trace.toggle(FIRST + 2, {"steps": 1.0, "input": 0.0})
    assert calls == ["start", "stop"]


def test_no_step_is_traced_unless_asked(tmp_path):
    """`log.profile=0`: never due."""
    trace = Trace(tmp_path, 0)
    assert not any(trace.due(step) for step in (None, *range(50)))
