"""Tests searches with a journal file, and with a real PostgreSQL server."""

import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inception_jax import cli
from inception_jax.sweep import search
from tests.conftest import ROOT
from tests.sweep import pages

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # the path of Debian's package


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """The URL of a database on a temporary server."""
    if not PROGRAMS or os.geteuid():
        why = "needs Debian's postgresql, and root to become its user"
        if os.environ.get("INCEPTION_JAX_REQUIRE_ALL"):
            pytest.fail(why)
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("postgres")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)  # readable for the server's user
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    data = folder / "data"
    data.mkdir()
    subprocess.run(["chown", "-R", "postgres", folder], check=True)

    def run(*words):
        words = ["runuser", "-u", "postgres", "--", *map(str, words)]
        subprocess.run(words, check=True, cwd="/", stdout=subprocess.DEVNULL)

    run(PROGRAMS[-1] / "initdb", "-D", data, "--auth=trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    run(PROGRAMS[-1] / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        run(PROGRAMS[-1] / "createdb", "-h", "127.0.0.1", "-p", port, "sweeps")
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/sweeps"
    finally:
        run(PROGRAMS[-1] / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def launch(folder, page, *more):
    """Run a search with two workers on this machine; returns its output."""
    words = (
        f"sweep launch --on=local --config={page} --search --trials=4 --workers=2 --startup=1 "
        f"--config.train.epochs=1.0 --dir={folder}"
    )
    result = subprocess.run(
        [sys.executable, "-m", "inception_jax", *shlex.split(words), *more],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def studies(url):
    """The trials of each study in a database."""
    storage = search.optuna().storages.RDBStorage(url)
    found = [storage.get_all_trials(s._study_id) for s in storage.get_all_studies()]
    storage.engine.dispose()
    return found


@pytest.mark.engines
def test_many_workers_on_postgresql(postgres, tmp_path, capsys):
    """Two workers share a study in the database: four trials, each run once; no journal file."""
    page, at = pages.write(tmp_path), tmp_path / "sweep"
    launch(at, page, f"--storage={postgres}")
    (trials,) = studies(postgres)
    assert [t.state.name for t in trials] == ["COMPLETE"] * 4
    assert len({json.dumps(t.params) for t in trials}) == 4
    assert {t.user_attrs["owner"] for t in trials} == {0, 1}
    assert not (at / search.JOURNAL).exists()
    assert cli.main(["sweep", "status", str(at), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["trials"]
    assert [r["state"] for r in rows] == ["done"] * 4
    assert cli.main(["report", str(at)]) == 0  # needs no database
    # A second sweep has a study of its own in the same database.
    again = tmp_path / "again"
    launch(again, page, f"--storage={postgres}", "--trials=2")
    assert sorted(map(len, studies(postgres))) == [2, 4]


@pytest.mark.engines
def test_more_trials_are_added(tmp_path, capsys):
    """The same search with more trials continues the study."""
    page, at = pages.write(tmp_path), tmp_path / "sweep"
    launch(at, page)
    launch(at, page, "--trials=5")
    assert cli.main(["sweep", "status", str(at), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["trials"]
    assert [(r["index"], r["state"], r["attempts"]) for r in rows] == [
        (i, "done", 1) for i in range(5)
    ]
