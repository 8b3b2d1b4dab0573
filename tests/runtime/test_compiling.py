"""Tests what is shown while XLA compiles: a clock, and not XLA's alarm."""

import io

from inception_jax import progress
from inception_jax.runtime import compiling
from tests.runtime.test_streams import script

# As XLA writes it, after two minutes and at the end.
ALARM = """2026-11-28 07:00:00.000000: E external/xla/xla/service/slow_operation_alarm.cc:73]
********************************
[Compiling module jit_train_step] Very slow compile? If you want to file a bug, run with envvar \
XLA_FLAGS=--xla_dump_to=/tmp/foo and attach the results.
********************************
"""
OTHER = "E slow_operation_alarm.cc:73] Constant folding\n"  # a message of its own
BODY = f"""
import time
from inception_jax.runtime import compiling
compiling.EARLY = 0.05
with compiling.without_alarm():
    with compiling.without_alarm():
        time.sleep(0.3)
        os.write(2, {OTHER!r}.encode() + b"before\\n" + {ALARM!r}.encode() + b"between\\n")
    os.write(2, {ALARM!r}.encode())
    print("Python's", file=sys.stderr)
    {{end}}
os.write(2, b"after\\n")
"""


def test_the_alarm_is_not_printed(tmp_path):
    """All else on standard error is, in order, by native code and Python."""
    code, err = script(tmp_path, BODY.format(end=""))
    assert (code, err) == (0, f"{OTHER}before\nbetween\nPython's\nafter\n")


def test_what_an_abort_prints_is_shown(tmp_path):
    """The filter outlives the process that it serves."""
    end = "os.write(2, b'F0000 Check failed'); os.abort()"
    code, err = script(tmp_path, BODY.format(end=end))
    assert code in (134, -6) and err.startswith(
        f"{OTHER}before\nbetween\nPython's\nF0000 Check failed"
    )


def test_no_process_for_a_quick_compilation(monkeypatch):
    """Standard error is filtered only after EARLY seconds."""
    monkeypatch.setattr(compiling.subprocess, "Popen", lambda *words, **more: 1 / 0)
    with compiling.without_alarm():
        assert compiling._filter._child is None


def test_the_first_call_is_clocked(monkeypatch):
    """A line off a terminal, for the call that takes long; the next ones show none."""
    shown = io.StringIO()
    monkeypatch.setattr(progress.sys, "stderr", shown)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    call = compiling.clocked_once(lambda x: (compiling.threading.Event().wait(0.2), x)[1], "a net")
    assert [call(1), call(2)] == [1, 2]
    assert shown.getvalue() == "compiling a net\n"
    quiet = compiling.clocked_once(lambda: compiling.threading.Event().wait(0.2), "b", quiet=True)
    quiet()
    assert shown.getvalue() == "compiling a net\n"
