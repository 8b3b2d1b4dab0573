"""Tests `inception-jax sweep resume`."""

from inception_jax import cli


def test_only_unfinished_trials_are_submitted(sweep, capsys):
    """Printed for SLURM: an array of the one trial that is not done."""
    words = ["sweep", "resume", str(sweep), "--on=slurm", "--account=us", "--print"]
    assert cli.main(words) == 0
    script = capsys.readouterr().out
    assert "#SBATCH --array=3" in script and "#SBATCH --account=us" in script


def test_mistakes(sweep, capsys):
    """No engine, none of a first launch, or an engine without sweeps."""
    for words, says in ((["--on=xpk"], "--on=xpk: expected one of"), ([], "--on=: expected one")):
        assert cli.main(["sweep", "resume", str(sweep), *words]) == 78
        assert says in capsys.readouterr().err
    assert cli.main(["sweep", "resume"]) == 78
    assert "expected the directory of a sweep" in capsys.readouterr().err
