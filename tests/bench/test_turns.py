"""Tests `inception_jax/bench/turns.py` and `record.py`: in turn, kept, continued, interrupted."""

import io
import json

import pytest

from inception_jax.bench.process import FailedError
from inception_jax.bench.record import Record
from inception_jax.bench.turns import Turn, order, play
from inception_jax.errors import ConfigError

NAMES = {"train": ["ours", "plain", "torch"], "eval": ["ours", "plain"]}


def head(**changes):
    fields = {"settings": {"batch": 8}, "machine": {"cpu": "x"}, "code": "1", "began": "2026-01-01"}
    return {**fields, "load": 0.1, "peers": {}, "left_out": {}, **changes}


class Calls:
    """Stands for the processes: gives figures, or raises at the turns that it is told."""

    def __init__(self, **errors):
        self.turns, self.errors = [], errors

    def __call__(self, turn):
        if error := self.errors.get(f"{turn.part}_{turn.who}"):
            raise error
        self.turns.append(turn)
        return {"images_per_s": 2.0 if turn.who == "ours" else 1.0}, 1000


def measured(path, calls, rounds=2, **changes):
    """A record of `rounds`, and what was said."""
    record, said = Record(head(**changes), path), io.StringIO()
    play(order(NAMES, rounds), record, calls, said)
    return record, said.getvalue()


def test_ours_does_not_always_come_first():
    """Every other round goes backwards; a part is done before the next one begins."""
    turns = order(NAMES, 2)
    assert [t.who for t in turns[:6]] == ["ours", "plain", "torch", "torch", "plain", "ours"]
    assert turns[6] == Turn("eval", "ours", 1) and len(turns) == len(set(turns)) == 10


def test_the_same_command_continues(tmp_path):
    """What is in the file is not measured again, and more rounds add to it."""
    path = tmp_path / "bench.json"
    calls = Calls()
    measured(path, calls, rounds=1)
    record, said = measured(path, calls, rounds=2)
    assert sorted(calls.turns) == sorted(order(NAMES, 2))  # each once
    assert said.startswith("5 of 10 were measured before\n") and "1/5  train  torch" in said
    assert json.loads(path.read_text()) == record.document()
    assert {r["rounds"] for r in record.document()["results"]} == {2}


def test_an_interruption_keeps_what_was_measured(tmp_path):
    """The file is whole after every run."""
    path = tmp_path / "bench.json"
    with pytest.raises(KeyboardInterrupt):
        measured(path, Calls(train_torch=KeyboardInterrupt()), rounds=1)
    assert [r["who"] for r in json.loads(path.read_text())["runs"]] == ["ours", "plain"]
    calls = Calls()
    measured(path, calls, rounds=1)
    assert [t.who for t in calls.turns] == ["torch", "ours", "plain"]


def test_a_peer_that_fails_is_left_out(tmp_path):
    """It is said once, the others go on; a later command tries it again."""
    path = tmp_path / "bench.json"
    calls = Calls(train_torch=FailedError(1, "no memory"))
    record, said = measured(path, calls)
    assert said.count("train: torch failed and is left out: no memory") == 1
    assert len(calls.turns) == 8 and len(record.runs) == 8
    again = Calls()
    measured(path, again)
    assert [t.who for t in again.turns] == ["torch", "torch"]


def test_ours_that_fails_ends_it():
    """There would be nothing to compare with."""
    with pytest.raises(FailedError, match="broken"):
        measured(None, Calls(eval_ours=FailedError(1, "broken")))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"settings": {"batch": 16}}, "settings.batch: 8 there, 16 now"),
        ({"machine": {"cpu": "y"}}, "machine.cpu: x there, y now"),
        ({"code": "2"}, "code: 1 there, 2 now"),
    ],
)
def test_figures_of_something_else_are_refused(tmp_path, changes, says):
    """Other settings, machine or code: two halves of a ratio must be of the same."""
    path = tmp_path / "bench.json"
    measured(path, Calls(), rounds=1)
    with pytest.raises(ConfigError) as e:
        Record(head(**changes), path)
    assert says in str(e.value) and "another --out" in str(e.value)


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"settings": 1}'])
def test_another_file_is_not_written_over(tmp_path, text):
    """A file that is no record is refused, and stays."""
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="expected what `bench` wrote"):
        Record(head(), path)
    assert path.read_text() == text
