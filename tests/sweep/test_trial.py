"""Tests `sweep/trial.py`: digests, flags and texts of overrides."""

from inception_jax.sweep import trial


def test_a_digest_identifies_a_config():
    """It does not depend on the order of keys; it depends on every value."""
    config = {"seed": 0, "optim": {"lr": 0.1, "name": "sgd"}}
    same = {"optim": {"name": "sgd", "lr": 0.1}, "seed": 0}
    assert trial.digest(config) == trial.digest(same) and len(trial.digest(config)) == 8
    assert trial.digest(config) != trial.digest({**config, "seed": 1})


def test_the_flags_of_a_trial():
    """Shared overrides come before the trial's own, so that these win."""
    words = trial.flags("p.py:a", ["--config.seed=1"], {"optim.lr": 0.1})
    assert words == ["--config=p.py:a", "--config.seed=1", "--config.optim.lr=0.1"]


def test_text():
    """Overrides are shown as key=value."""
    assert trial.text({"optim.lr": 0.10, "seed": 2}) == "optim.lr=0.1 seed=2"
    assert trial.text({}) == "(no overrides)"
