"""Tests `inception-jax report`; the pages themselves in `tests/report` and `tests/sweep`."""

from inception_jax import cli


def test_runs_and_a_sweep(sweep, tmp_path, capsys):
    """A run's report lies beside its files; several runs need a place; a sweep stands alone."""
    first, second = sorted((sweep / "trials").iterdir())[:2]
    assert cli.main(["report", str(first)]) == 0
    assert (first / "report.html").is_file()
    for words, says in (
        ([first, second], "several runs need --out=FILE.html"),
        ([sweep, first], "is a sweep: expected one sweep"),
        ([], "expected run directories, for example: inception-jax report runs/digits"),
        ([sweep, f"--out={tmp_path}"], "found a directory"),
    ):
        assert cli.main(["report", *map(str, words)]) == 78
        assert says in capsys.readouterr().err
    assert cli.main(["report", str(first), str(second), f"--out={tmp_path / 'a.html'}"]) == 0
    assert (tmp_path / "a.html").is_file()
