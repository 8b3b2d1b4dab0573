"""Tests which steps are kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from inception_jax import checkpoint
from inception_jax.checkpoint import Checkpoints, retention
from tests import saved

STEPS = st.lists(st.integers(1, 300), unique=True, min_size=1, max_size=40)


@given(STEPS, st.integers(1, 4), st.integers(0, 3), st.sampled_from([0, 7.5, 20]), st.randoms())
def test_what_is_kept(numbers, newest, best, every, random):
    """Saved one by one: the newest, the best so far, and each interval's first; no others."""
    rule, there, scores = {"newest": newest, "best": best, "every": every}, [], {}
    firsts, seen = [], 0
    for step in sorted(numbers):
        there.append(step)
        there = list(retention.reasons(there, scores, **rule))
        if random.random() < 0.7:
            scores[step] = random.choice([0.1, 0.2, 0.3, 0.4])
        if every and (step + 1e-6) // every > seen:
            seen = (step + 1e-6) // every
            firsts.append(step)
        assert set(firsts) <= set(there)
    assert there[-newest:] == sorted(numbers)[-newest:]
    known = sorted((s for s in there if s in scores), key=lambda s: (scores[s], s))
    after = set(retention.reasons(there, scores, **rule))
    assert after == {*sorted(numbers)[-newest:], *(known[-best:] if best else []), *firsts}
    if best and len(scores) >= best:
        top = sorted(scores.values())[-best:]
        assert sorted(scores[s] for s in after if s in scores)[-best:] == top or newest < 2


def test_best_are_kept_across_a_restart(tmp_path):
    """The scores are read from the run's own lines, so a new process knows them."""
    directory, top1 = tmp_path / "checkpoints", {1: 0.5, 2: 0.9, 3: 0.7, 4: 0.8, 5: 0.1}
    path = tmp_path / "metrics.jsonl"
    for step, score in top1.items():
        known = retention.scores(tmp_path, "test")
        saves = Checkpoints(directory, keep=1, keep_best=2, scores=known)
        assert saves.newest_good() == (step - 1 or None)
        saves.save(step, saved.state(step), {})
        saves.wait()
        saves.close()
        with path.open("a") as file:
            for split, value in (("test", score), ("train", 1.0)):
                line = {"step": step, "epoch": 1.0, "time": 1.0, "split": split, "top1": value}
                file.write(json.dumps(line) + "\n")
    assert checkpoint.steps(directory) == [2, 4, 5]
