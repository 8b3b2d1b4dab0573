"""Tests `sweep/comparison.py`: the best trial, means over seeds, importances, and axes."""

import re
import shlex

import numpy as np

from inception_jax import cli
from inception_jax.eval.interval import student_t
from inception_jax.sweep import comparison, folder
from tests.conftest import ROOT
from tests.sweep import fake_trials


def test_the_best_trial(grid_dir):
    """The best finished trial; the page shows the flags that build its config."""
    c = comparison.Comparison(folder.read(grid_dir))
    assert len(c.done) == 29 and len(c.rows) == 32
    assert c.best.value == max(p.value for p in c.rows[:29])
    assert c.best.trial.overrides["optim.lr"] == 0.1
    page = (grid_dir / "report.html").read_text()
    line = re.sub("<.*?>", "", re.search(r'<div class="command"><pre>(.*?)</pre>', page)[1])
    assert cli.main(["config", *shlex.split(line)]) == 0


def test_a_loss_is_better_when_lower(grid_dir):
    """With --metric=loss the smallest value is best."""
    s = folder.read(grid_dir)
    s.metric = "loss"
    c = comparison.Comparison(s)
    assert c.best.value == min(p.value for p in c.done)


def test_seeds(grid_dir):
    """Mean and standard deviation over seeds, for each combination of the other keys."""
    c = comparison.Comparison(folder.read(grid_dir))
    assert len(c.groups) == 8 and c.groups[0].count == 4
    chosen = {"optim.lr": 0.1, "loss.label_smoothing": 0.1}
    assert c.groups[0].overrides == chosen
    values = [p.value for p in c.done if chosen.items() <= p.trial.overrides.items()]
    assert np.isclose(c.groups[0].mean, np.mean(values))
    assert np.isclose(c.groups[0].deviation, np.std(values, ddof=1))
    (alone,) = [g for g in c.groups if g.count == 1]
    assert alone.deviation is None and alone.interval is None and c.repeats == "seeds"


def test_importances(grid_dir):
    """In a balanced grid, a key's share is close to the variance of its means."""
    c = comparison.Comparison(folder.read(grid_dir))
    c.__dict__["done"] = [p for p in c.done if p.trial.overrides["optim.lr"] < 0.3]  # balanced
    values = np.array([p.value for p in c.done])
    shares = {}
    for axis in c.axes:
        column = np.array([p.trial.overrides[axis.key] for p in c.done])
        means = np.array([values[column == v].mean() for v in column])
        shares[axis.key] = means.var() / values.var()
    assert list(c.importances) == sorted(shares, key=shares.get, reverse=True)
    for key, share in c.importances.items():
        assert abs(share - shares[key]) < 0.05, (key, share, shares)


def test_importances_of_thousands_of_trials(grid_dir):
    """A sample from the best to the last is compared; the whole would take half a minute."""
    c = comparison.Comparison(folder.read(grid_dir))
    few = list(c.importances)
    done = [p for p in c.done for _ in range(100)]
    c.__dict__.update(done=done)
    del c.__dict__["importances"]
    assert len(c.ranked) == comparison.MAX_TRIALS
    assert (c.ranked[0], c.ranked[-1]) == (done[0], done[-1])
    assert next(iter(c.importances)) == few[0]
    assert comparison.spread([], 3) == [] and comparison.spread([1], 3) == [1]


def test_the_most_important_key(grid_dir, tmp_path, monkeypatch):
    """The key with the largest share; the seed only if no other key differs."""
    c = comparison.Comparison(folder.read(grid_dir))
    assert c.most_important.key == "optim.lr"
    monkeypatch.setattr(c, "importances", {"seed": 0.6, "loss.label_smoothing": 0.3})
    assert c.most_important.key == "loss.label_smoothing"
    alone = comparison.Comparison(folder.read(fake_trials.write(tmp_path, names="seed")))
    assert alone.most_important.key == "seed"


def test_axes():
    """Wide ranges are logarithmic; seeds and strings are categorical."""
    assert comparison.axis("optim.lr", [0.01, 0.3]).log
    assert comparison.axis("loss.label_smoothing", [0.0, 0.1]).values is None
    assert comparison.axis("seed", [1, 0]).values == (0, 1)
    assert comparison.axis("model.name", ["b", "a"]).values == ("a", "b")
    assert comparison.axis("data.size", [[1, 2], None]).values == (None, "[1, 2]")


def test_the_sweep_of_the_experiments(tmp_path, capsys):
    """Its run files reproduce the README's table: 16 trials, the learning rate first."""
    run = ROOT / "experiments/sweep_cifar10/run"
    assert cli.main(["report", str(run), f"--out={tmp_path}/report.html"]) == 0
    c = comparison.Comparison(folder.read(run))
    assert len(c.done) == 16 and next(iter(c.importances)) == "optim.lr"
    text = (ROOT / "experiments/sweep_cifar10/README.md").read_text()
    for p in c.done:
        assert f"{100 * p.value:.2f}" in text
    assert f"{c.importances['optim.lr']:.0%} of the variance" in text


def test_the_interval_of_a_mean_is_students():
    """As SciPy's, for few trials and many."""
    from scipy import stats

    for degrees in (1, 2, 4, 5, 6, 9, 30):
        exact = stats.t.ppf(0.975, degrees)
        assert abs(student_t(degrees) / exact - 1) < 2e-3
    values = [0.7, 0.8, 0.85]
    group = comparison.Group({}, 3, np.mean(values), np.std(values, ddof=1), 0.7, 0.85)
    expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    np.testing.assert_allclose(group.interval, expected, rtol=1e-3)


def test_what_is_not_told_from_the_best(grid_dir):
    """Trials whose difference to the best has an interval with 0 in it: those near it alone."""
    c = comparison.Comparison(folder.read(grid_dir))
    tied = [p.trial.index for p in c.tied]
    assert 0 < len(tied) < len(c.done) - 1  # 1,000 images: three or four points are nothing
    assert tied == [p.trial.index for p in c.done[1 : len(tied) + 1]]
    low, high = c.intervals[c.best.trial.index]
    assert low < c.best.value < high < low + 0.06
    s = folder.read(grid_dir)
    s.metric = "loss"
    loss = comparison.Comparison(s)
    assert (loss.tied, loss.intervals) == ([], {})


def test_rates_are_logarithmic():
    """A rate's axis from a factor of two on, another key's from twenty; zero has no logarithm."""
    for key, column, log in (
        ("optim.lr", [0.1, 0.3], True), ("optim.lr", [0.1, 0.15], False),
        ("optim.weight_decay", [0.0, 0.3], False), ("model.width", [0.25, 1.0], False),
        ("data.batch_size", [8, 1024], True),
    ):  # fmt: skip
        assert comparison.axis(key, column).log == log, (key, column)
