"""Tests a run's directory: its lock, its config, its attempts."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys

import pytest

from inception_jax import config as cfg
from inception_jax.cli import pages
from inception_jax.errors import ConfigError, DivergedError, PreemptedError
from inception_jax.workdir import run_dir
from inception_jax.workdir.run_dir import RunDir


@pytest.fixture
def config(request):
    return pages.load(str(request.config.rootpath / "configs" / "digits.py"))


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_directory_is_made_with_its_config(config, tmp_path):
    """The saved config has the page's values, in the page's order."""
    with run_dir.opened(tmp_path / "a" / "b", config, False):
        pass
    saved = run_dir.saved_config(tmp_path / "a" / "b")
    assert list(saved) == list(cfg.SECTIONS)
    assert [key for key, _ in cfg.flatten(saved)] == list(cfg.RULES)
    assert saved["data"]["area"] == [0.6, 1.0]
    assert pages.of_run(str(tmp_path / "a" / "b")) == config


@pytest.mark.parametrize("change", ["missing", "renamed", "no section"])
def test_a_run_of_another_version_is_refused(config, tmp_path, change):
    """One sentence with the key, by every reader of a saved config."""
    saved, key = run_dir.plain(config), "optim.lr"
    if change == "no section":
        saved["optim"], key = 3, "optim"
    elif change == "missing":
        del saved["optim"]["lr"]
    else:
        saved["optim"]["trunk"], key = saved["optim"].pop("backbone_lr"), "optim.trunk"
    (tmp_path / "config.json").write_text(json.dumps(saved))
    for read in (
        lambda: run_dir.saved_config(tmp_path),
        lambda: pages.of_run(str(tmp_path)),
        lambda: run_dir.check(tmp_path, config, True),
    ):
        with pytest.raises(ConfigError) as e:
            read()
        assert key in str(e.value) and str(e.value).endswith("start a new --workdir")
        assert "\n" not in str(e.value)


def test_a_run_of_before_a_key_has_its_default(config, tmp_path):
    """A key that came later stands at what the run did, so that it can be used and continued."""
    saved = run_dir.plain(config)
    del saved["augment"], saved["optim"]["sam"], saved["data"]["eval_size"]
    (tmp_path / "config.json").write_text(json.dumps(saved))
    assert run_dir.saved_config(tmp_path) == run_dir.plain(config)
    assert pages.of_run(str(tmp_path)) == config
    run_dir.check(tmp_path, config, False)


def test_one_owner_at_a_time(config, tmp_path):
    """A second process is refused, told who owns the directory, and let in afterwards."""
    holder = (
        "import sys, fcntl; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX);"
        "f.write('process 7 on moon'); f.flush(); print('held', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", holder, str(tmp_path / ".lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(ConfigError, match=r"process 7 on moon.*--workdir"),
            run_dir.opened(tmp_path, config, False),
        ):
            pass
        assert not (tmp_path / "config.json").exists()
        other.stdin.close()
        other.wait()
    with run_dir.opened(tmp_path, config, False):
        assert "moon" not in (tmp_path / ".lock").read_text()


def test_the_lock_ends_with_the_run(config, tmp_path):
    """A run that failed leaves its directory free."""
    with pytest.raises(DivergedError), run_dir.opened(tmp_path, config, False):
        raise DivergedError("nan")
    with run_dir.opened(tmp_path, config, False):
        pass


def emptied(run):
    """`rm -r DIR/*`, which leaves hidden files."""
    (run / "config.json").unlink()


LOST = {
    "removed": shutil.rmtree,
    "renamed": lambda run: run.rename(run.with_name("elsewhere")),
    "replaced": lambda run: shutil.copytree(run.rename(run.with_name("elsewhere")), run),
    "a file now": lambda run: (shutil.rmtree(run), run.touch()),
    "its lock removed": lambda run: (run / ".lock").unlink(),
    "its lock replaced": lambda run: ((run / ".lock").unlink(), (run / ".lock").touch()),
    "emptied": emptied,
}


@pytest.mark.parametrize("how", LOST)
def test_a_directory_that_is_lost(config, tmp_path, how):
    """Named by 78; neither the check nor the end of the attempt writes anything there."""
    run = tmp_path / "run"
    with (
        pytest.raises(ConfigError, match=r"--workdir=.*run.* removed, renamed or replaced") as e,
        run_dir.opened(run, config, False) as held,
        run_dir.attempt(held, 0),
    ):
        held.check()
        LOST[how](run)
        left = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
        held.check()
    assert e.value.code == 78
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == left


def test_moved_and_put_back(config, tmp_path):
    """The same directory under its name again is no loss."""
    with run_dir.opened(tmp_path / "run", config, False) as held:
        (tmp_path / "run").rename(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").rename(tmp_path / "run")
        held.check()


def test_a_link_that_is_repointed(config, tmp_path):
    """A workdir that is a link is the directory it led to."""
    for name in "ab":
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("a")
    with run_dir.opened(tmp_path / "link", config, False) as held:
        held.check()
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("b")
        with pytest.raises(ConfigError):
            held.check()
    assert not [*(tmp_path / "b").iterdir()]


def test_no_second_run_without_the_lock_file(config, tmp_path):
    """The directory is locked too; a file system that locks none is accepted."""
    with run_dir.opened(tmp_path, config, False):
        (tmp_path / ".lock").unlink()
        with pytest.raises(ConfigError, match="another process"):
            run_dir.check(tmp_path, config, False)
        with (
            pytest.raises(ConfigError, match="another process"),
            run_dir.opened(tmp_path, config, False),
        ):
            pass


def test_a_file_system_that_locks_no_directories(config, tmp_path, monkeypatch):
    """NFS refuses the directory's lock; the file's counts alone."""

    def flock(handle, how):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EBADF, "no lock")

    monkeypatch.setattr(run_dir.fcntl, "flock", flock)
    with run_dir.opened(tmp_path, config, False) as held:
        held.check()


def changed(config, key: str):
    """The config with another value of `key`, and the value."""
    value = dict(cfg.flatten(config))[key]
    other = {bool: lambda: not value, tuple: lambda: (0.5, 0.5), str: lambda: value + "x"}
    new = config.copy_and_resolve_references()
    value = other.get(type(value), lambda: value + 1)()
    with new.unlocked():
        new.update_from_flattened_dict({key: value})
    return new, value


@pytest.mark.parametrize("key", cfg.RULES)
def test_which_keys_may_change(config, tmp_path, key):
    """What only changes how fast or where may change; any other key is refused by name."""
    free = {
        "checkpoint.keep", "checkpoint.keep_best", "checkpoint.keep_every_epochs",
        "data.threads", "data.processes", "data.cache", "data.dir", "data.labels",
        "log.tensorboard", "log.track", "log.monitors", "log.profile",
        "mesh.data", "mesh.model", "mesh.zero",
        "train.on_divergence", "train.recompute", "train.rollbacks", "train.rollback_factor",
        "train.vmem", "train.watchdog",
    }  # fmt: skip
    new, value = changed(config, key)
    with run_dir.opened(tmp_path, config, False):
        pass
    if key in free:
        with run_dir.opened(tmp_path, new, False):
            pass
    else:
        before = (tmp_path / "config.json").read_text()
        with pytest.raises(ConfigError) as e, run_dir.opened(tmp_path, new, False):
            pass
        shown = list(value) if isinstance(value, tuple) else value
        assert f"\n  {key}: " in str(e.value)
        assert f" there, {shown} now\n" in str(e.value)
        assert "--allow_config_change" in str(e.value)
        assert (tmp_path / "config.json").read_text() == before
        with run_dir.opened(tmp_path, new, True):
            pass
    assert run_dir.saved_config(tmp_path) == run_dir.plain(new)


@pytest.mark.parametrize("schedule", cfg.RULES["optim.schedule"].expected.split("'")[1::2])
def test_another_length(config, tmp_path, schedule):
    """A run gets longer where its past rates stay the same, and never shorter."""
    config.optim.schedule = schedule
    longer, shorter = (config.copy_and_resolve_references() for _ in range(2))
    longer.train.epochs, shorter.train.epochs = 1.5 * config.train.epochs, 0.5 * config.train.epochs
    with run_dir.opened(tmp_path, config, False):
        pass
    with pytest.raises(ConfigError, match=r"train\.epochs: .*\n.*longer, not shorter"):
        run_dir.check(tmp_path, shorter, False)
    if schedule in ("constant", "staircase", "exponential", "piecewise"):
        run_dir.check(tmp_path, longer, False)
        longer.optim.lr *= 2
        with pytest.raises(ConfigError) as e:
            run_dir.check(tmp_path, longer, False)
        assert "optim.lr: " in str(e.value) and "train.epochs" not in str(e.value)
    else:
        expected = f"schedule={schedule} depends on train.epochs.*checkpoint.init={tmp_path}"
        with pytest.raises(ConfigError, match=expected):
            run_dir.check(tmp_path, longer, False)


def test_a_directory_that_cannot_be(config, tmp_path):
    """A file in the way is named."""
    (tmp_path / "file").touch()
    for way in (tmp_path / "file", tmp_path / "file" / "below"):
        refused = pytest.raises(ConfigError, match=r"^cannot write --workdir=.*file")
        with refused, run_dir.opened(way, config, False):
            pass
        with refused:
            run_dir.check(way, config, False)


def test_check_refuses_what_opened_would_and_writes_nothing(config, tmp_path):
    """The early look finds a lock and another config, and leaves no trace of itself."""
    run = tmp_path / "new" / "run"
    run_dir.check(run, config, False)
    assert not run.parent.exists()
    with run_dir.opened(run, config, False):
        with pytest.raises(ConfigError, match="another process"):
            run_dir.check(run, config, False)
        before = (run / ".lock").read_text()
    other, _ = changed(config, "optim.lr")
    with pytest.raises(ConfigError, match=r"optim\.lr: 0\.2 there, 1\.2 now"):
        run_dir.check(run, other, False)
    run_dir.check(run, other, True)
    assert (run / ".lock").read_text() == before
    assert run_dir.saved_config(run) == run_dir.plain(config)


@pytest.mark.parametrize("text", ["", "\n", "{", "[1]", "3", "\x00" * 512, "[" * 200_000])
def test_a_damaged_config(tmp_path, text):
    """A config.json that is no object is named, with what to do."""
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.json is damaged .*; put a copy") as error:
        run_dir.saved_config(tmp_path)
    assert len(str(error.value).splitlines()) == 1


def test_a_saved_value_is_checked(tmp_path, config):
    """One of another type is refused by every reader, with file and key."""
    for key, value in (("keep", "x"), ("keep", None), ("keep_every_epochs", 10**400)):
        saved = run_dir.plain(config)
        saved["checkpoint"][key] = value
        (tmp_path / "config.json").write_text(json.dumps(saved))
        with pytest.raises(ConfigError, match=rf"config\.json is damaged \(checkpoint\.{key}"):
            run_dir.saved_config(tmp_path)


def test_no_run(tmp_path):
    """The file that is missing is named."""
    with pytest.raises(ConfigError, match=r"found no .*config\.json"):
        run_dir.saved_config(tmp_path)


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, 0), (DivergedError("x"), 65), (PreemptedError("x"), 75), (ValueError("x"), 1),
     (KeyboardInterrupt(), 1)],
)  # fmt: skip
def test_attempts(tmp_path, error, code):
    """An attempt's end has the step it came to and the exit code; attempts are appended."""
    for first in (0, 3):
        try:
            with run_dir.attempt(RunDir(tmp_path), first) as record:
                record["step"] = first + 3
                if error:
                    raise error
        except BaseException as e:
            assert e is error
    notes = lines(tmp_path / "attempts.jsonl")
    assert [(n["event"], n["step"], n.get("code")) for n in notes] == [
        ("start", 0, None), ("end", 3, code), ("start", 3, None), ("end", 6, code),
    ]  # fmt: skip
    assert notes[0]["pid"] and notes[0]["host"]
    assert notes[0]["time"] <= notes[1]["time"]


def test_a_killed_attempt_has_no_end(tmp_path):
    """The start is on the disk before the work begins."""
    with run_dir.attempt(RunDir(tmp_path), 5):
        assert [n["event"] for n in lines(tmp_path / "attempts.jsonl")] == ["start"]


def test_counted_numbers_stay_those_of_the_run(config, tmp_path):
    """`auto` continues a run whose config has the number; another number does not."""
    with run_dir.opened(tmp_path, config, False):
        pass
    new = config.copy_and_resolve_references()
    new.data.classes = new.model.num_classes = -1
    run_dir.check(tmp_path, new, False)
    new.data.classes = 9
    with pytest.raises(ConfigError, match=r"data\.classes: 10 there, 9 now"):
        run_dir.check(tmp_path, new, False)
