"""Tests `inception_jax/checkpoint/`: what is kept, what is believed, what a full disk does."""

import errno
import json
import shutil
import threading
import time
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inception_jax import checkpoint, cli
from inception_jax.checkpoint import Checkpoints, arrays, full, keeping, manifest
from inception_jax.checkpoint.keeping import Keeping
from inception_jax.errors import DataError, DiskFullError
from inception_jax.runtime import mesh as meshes
from tests import saved


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A run of three steps; tests copy it."""
    workdir = tmp_path_factory.mktemp("checkpoint") / "run"
    saved.steps(workdir / "checkpoints", 5, 10, 15)
    return workdir


@pytest.fixture
def run(original, tmp_path):
    """A run of three steps, to be damaged."""
    return shutil.copytree(original, tmp_path / "run")


def flip(path, bit=1000):
    """Flips one bit of a file."""
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)


def array_file(step):
    """A file with numbers in it: the largest."""
    return max((p for p in step.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def test_what_was_saved_comes_back(run):
    """State and log, bit by bit, bfloat16 and an empty array included; types stay."""
    saves = Checkpoints(run / "checkpoints", keep=3)
    step = saves.newest_good()
    got, log = saves.restore(step, saved.shapes(saved.state(15)))
    assert (step, log, saved.same(got, saved.state(15))) == (15, {"step": 15}, True)
    assert jax.tree.map(lambda x: x.dtype, got) == jax.tree.map(lambda x: x.dtype, saved.state(15))


MESHES = [(1, 1), (8, 1), (4, 2), (2, 4), (1, 8)]


@pytest.mark.parametrize("to", MESHES)
@pytest.mark.parametrize("pack", [True, False])
def test_from_any_mesh_onto_any_other(to, pack, tmp_path, monkeypatch):
    """Sharded or replicated, packed or left to Orbax: the same bits, laid out as was asked."""
    if not pack:  # as if no process had the whole of any array; Orbax takes no empty ones
        monkeypatch.setattr(arrays, "_whole", lambda leaf: leaf.size == 0)
    for number, mesh in enumerate(MESHES):
        before = saved.state(3, meshes.make(*mesh))
        saves = Checkpoints(tmp_path / str(number), keep=1)
        saves.save(3, before, {})
        shapes = saved.shapes(before, meshes.make(*to))
        after, _ = saves.restore(3, shapes)
        saves.close()
        assert saved.same(before, after)
        assert jax.tree.all(jax.tree.map(lambda x, s: x.sharding == s.sharding, after, shapes))


def test_donating_the_state_changes_no_save(tmp_path):
    """The next step may write over the arrays while they are on their way to the disk."""
    saves = Checkpoints(tmp_path, keep=20)
    add = jax.jit(lambda tree: jax.tree.map(lambda x: x + 1, tree), donate_argnums=0)
    current = {"params": {"kernel": jax.device_put(np.zeros(3_000_000, np.float32))}}
    shapes = saved.shapes(current)
    for step in range(1, 6):
        saves.save(step, current, {})
        current = add(current)
    saves.wait()
    for step in range(1, 6):
        got, _ = saves.restore(step, shapes)
        assert (np.asarray(got["params"]["kernel"]) == step - 1).all()
        # Nor does donating what was restored: it may lie in memory that NumPy has given.
        twice = add(add(got))
        assert (np.asarray(twice["params"]["kernel"]) == step + 1).all()
    saves.close()


def test_the_log_is_that_of_the_save(tmp_path, monkeypatch):
    """What the loop adds to its sums while the save is on its way is not in it."""
    go = threading.Event()
    stored = arrays.stored
    monkeypatch.setattr(arrays, "stored", lambda *a: go.wait(30) and stored(*a))
    saves, log = Checkpoints(tmp_path, keep=1), {"sums": {"loss": 1.0}}
    saves.save(1, saved.state(1), log)
    log["sums"]["loss"] += 1
    go.set()
    saves.wait()
    assert saves.restore(1, saved.shapes(saved.state(1)))[1] == {"sums": {"loss": 1.0}}
    saves.close()


def test_another_network_is_refused(run):
    """Shapes of another network end with 65 and name the arrays, not with a traceback."""
    like = saved.state(15)
    like["params"]["more"] = like["params"].pop("logits")
    saves = Checkpoints(run / "checkpoints", keep=3)
    with pytest.raises(DataError, match="another network") as error:
        saves.restore(15, saved.shapes(like))
    assert "params/more/bias: none there" in str(error.value) and error.value.code == 65


def test_a_damaged_step_is_put_aside(run, capfd):
    """One line says which file is wrong and what is used instead; its number is saved again."""
    directory = run / "checkpoints"
    damaged = array_file(directory / "15")
    flip(damaged)
    saves = Checkpoints(directory, keep=3)
    assert saves.newest_good() == 10
    (line,) = capfd.readouterr().err.splitlines()
    for text in ("15 is damaged", damaged.name, "sha256", "bad-15", "step 10 is used"):
        assert text in line
    saves.save(15, saved.state(15), {"again": True})
    saves.wait()
    assert saves.newest_good() == 15
    flip(array_file(directory / "15"))
    assert saves.newest_good() == 10
    assert {p.name for p in directory.iterdir()} == {"5", "10", "bad-15", "bad-15.1"}
    saves.close()


def test_all_damaged_ends_with_65(run):
    """Nothing is renamed, so that no later call starts afresh over them."""
    directory = run / "checkpoints"
    for step in (5, 10, 15):
        flip(array_file(directory / str(step)))
    for _ in range(2):
        with pytest.raises(DataError, match="all are damaged") as error:
            Checkpoints(directory, keep=3).newest_good()
        assert all(f"step {step}: " in str(error.value) for step in (5, 10, 15))
    assert checkpoint.steps(directory) == [5, 10, 15]


def test_no_steps_is_none(tmp_path):
    """A fresh run has nothing to go on from, and leftovers of a killed first save are nothing."""
    saves = Checkpoints(tmp_path / "new", keep=1)
    assert (saves.newest_good(), saves.latest(), saves.steps()) == (None, None, [])
    (tmp_path / "new" / "1.saving.orbax-checkpoint-tmp" / "packed").mkdir(parents=True)
    (tmp_path / "new" / "1.saving").mkdir()
    (tmp_path / "new" / "0.deleting").mkdir()
    assert saves.newest_good() is None
    assert not list((tmp_path / "new").iterdir())


def test_every_file_is_in_the_manifest(original):
    """With size and sum, and who wrote it: nothing of a step is believed unseen."""
    folder = original / "checkpoints" / "15"
    found = manifest.read(folder)
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(found["files"]) == files - {"manifest.json"}
    assert (found["step"], found["processes"], found["mesh"]) == (15, 1, {"data": 1, "model": 1})
    assert found["jax"] == jax.__version__ and abs(found["time"] - time.time()) < 1e5


@given(st.data())
def test_no_flipped_bit_is_overlooked(original, data):
    """Any bit of any file, the manifest's blanks included."""
    folder = original / "checkpoints" / "15"
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    path = data.draw(st.sampled_from(files))
    bit = data.draw(st.integers(0, path.stat().st_size * 8 - 1))
    flip(path, bit)
    try:
        assert manifest.problems(folder)
    finally:
        flip(path, bit)
    assert not manifest.problems(folder)


def test_the_manifest_vouches_for_itself(run):
    """Each of its own bits counts, in a blank or a version, too; no other file is read for that."""
    folder = run / "checkpoints" / "15"
    whole = (folder / "manifest.json").read_bytes()
    for bit in range(0, len(whole) * 8, 61):
        flip(folder / "manifest.json", bit)
        assert manifest.problems(folder, sums=False), bit
        (folder / "manifest.json").write_bytes(whole)
    assert not manifest.problems(folder, sums=False)


def test_load_changes_nothing(run, capfd):
    """`eval` of a damaged run takes the step before, says so, and leaves the folder as it is."""
    assert checkpoint.load(run)[0] == 15
    flip(array_file(run / "checkpoints" / "15"))
    step, tree = checkpoint.load(run)
    assert step == 10 and "checkpoint 15 is damaged: " in capfd.readouterr().err
    assert saved.same(tree["params"], saved.state(10)["ema"]["params"])
    assert checkpoint.steps(run / "checkpoints") == [5, 10, 15]
    with pytest.raises(DataError, match=r"step 15 .* is damaged"):
        checkpoint.load(run, 15)
    with pytest.raises(DataError, match=r"expected step 7 .* found \[5, 10, 15\]"):
        checkpoint.load(run, 7)


def test_runs_from_before_manifests(tmp_path, capfd):
    """Their steps are read, a line says that they cannot be compared; then they get manifests."""
    directory = tmp_path / "checkpoints"
    manager = ocp.CheckpointManager(directory, options=ocp.CheckpointManagerOptions())
    for step in (5, 10):
        items = ocp.args.Composite(
            state=ocp.args.StandardSave({"params": {"bias": step + np.ones(3, np.float32)}}),
            log=ocp.args.JsonSave({"step": step}),
        )
        manager.save(step, args=items)
    manager.close()
    step, tree = checkpoint.load(tmp_path)
    assert step == 10 and tree["params"]["bias"].tolist() == [11, 11, 11]
    assert "from before manifest.json" in capfd.readouterr().err
    (directory / "10" / "state" / "manifest.ocdbt").unlink()
    saves = Checkpoints(directory, keep=2)
    assert saves.newest_good() == 5
    capfd.readouterr()
    like = {"params": {"bias": jax.device_put(np.zeros(3, np.float32))}}
    got, log = saves.restore(5, saved.shapes(like))
    assert np.asarray(got["params"]["bias"]).tolist() == [6, 6, 6] and log == {"step": 5}
    assert saves.newest_good() == 5 and not capfd.readouterr().err  # from now on it is compared
    flip(array_file(directory / "5"))
    with pytest.raises(DataError):
        saves.newest_good()


def test_a_step_without_manifest_is_not_whole(run, capfd):
    """Unless none has one: it may have been deleted to hide damage, or the copy was cut short."""
    (run / "checkpoints" / "15" / "manifest.json").unlink()
    assert Checkpoints(run / "checkpoints", keep=3).newest_good() == 10
    assert "manifest.json: gone" in capfd.readouterr().err


STEPS = st.lists(st.integers(1, 300), unique=True, min_size=1, max_size=40)


@given(STEPS, st.integers(1, 4), st.integers(0, 3), st.sampled_from([0, 7.5, 20]), st.randoms())
def test_what_is_kept(numbers, newest, best, every, random):
    """Saved one by one: the newest, the best so far, and each interval's first; no others."""
    rule, there, scores = Keeping(newest, best, every), [], {}
    firsts, seen = [], 0
    for step in sorted(numbers):
        there.append(step)
        there = list(rule.reasons(there, scores))
        if random.random() < 0.7:
            scores[step] = random.choice([0.1, 0.2, 0.3, 0.4])
        if every and (step + 1e-6) // every > seen:
            seen = (step + 1e-6) // every
            firsts.append(step)
        assert set(firsts) <= set(there)
    assert there[-newest:] == sorted(numbers)[-newest:]
    known = sorted((s for s in there if s in scores), key=lambda s: (scores[s], s))
    after = set(rule.reasons(there, scores))
    assert after == {*sorted(numbers)[-newest:], *(known[-best:] if best else []), *firsts}
    if best and len(scores) >= best:
        top = sorted(scores.values())[-best:]
        assert sorted(scores[s] for s in after if s in scores)[-best:] == top or newest < 2


def test_best_are_kept_across_a_restart(tmp_path):
    """The scores are read from the run's own lines, so a new process knows them."""
    directory, top1 = tmp_path / "checkpoints", {1: 0.5, 2: 0.9, 3: 0.7, 4: 0.8, 5: 0.1}
    path = tmp_path / "metrics.jsonl"
    for step, score in top1.items():
        known = keeping.scores(tmp_path, "test")
        saves = Checkpoints(directory, keep=1, keep_best=2, scores=known)
        assert saves.newest_good() == (step - 1 or None)
        saves.save(step, saved.state(step), {})
        saves.wait()
        saves.close()
        with path.open("a") as file:
            for split, value in (("test", score), ("train", 1.0)):
                file.write(json.dumps({"step": step, "split": split, "top1": value}) + "\n")
    assert checkpoint.steps(directory) == [2, 4, 5]


def test_the_old_step_goes_after_the_new_one_is_whole(tmp_path, monkeypatch):
    """While a manifest is written the step before is still there, and nothing has the new name."""
    saved.steps(tmp_path, 1)
    seen = []
    write = manifest.write

    def slow(folder, **about):
        seen.append((folder.name, checkpoint.steps(tmp_path)))
        write(folder, **about)

    monkeypatch.setattr(manifest, "write", slow)
    saved.steps(tmp_path, 2, keep=1)
    assert seen == [("2.saving", [1])]
    assert checkpoint.steps(tmp_path) == [2]


def test_a_step_that_is_there_is_not_saved_again(run):
    """A signal may ask for the step that has just been saved."""
    before = (run / "checkpoints" / "15" / "manifest.json").read_bytes()
    saved.steps(run / "checkpoints", 15)
    assert (run / "checkpoints" / "15" / "manifest.json").read_bytes() == before


def test_no_room_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    """The message has the figures; the folder stays as it was."""
    saved.steps(tmp_path, 1)
    monkeypatch.setattr(full, "free", lambda directory: 1_234_567)
    with pytest.raises(
        DiskFullError, match=r"expected 1,8\d\d,\d{3} bytes free, found 1,234,567"
    ) as error:
        saved.steps(tmp_path, 2)
    assert error.value.code == 74 and [p.name for p in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        ValueError("RESOURCE_EXHAUSTED: write: No space left on device [d/abc]"),
    ],
)
def test_a_full_disk_in_the_background(tmp_path, monkeypatch, error):
    """`check` raises it at the next step, however deep it is wrapped; a bug stays what it is."""

    def fails(*args, **more):
        try:
            raise error
        except Exception as e:
            raise RuntimeError("could not write") from e

    monkeypatch.setattr(manifest, "write", fails)
    saves = Checkpoints(tmp_path, keep=1)
    saves.save(1, saved.state(1), {})
    deadline = time.monotonic() + 60
    with pytest.raises(DiskFullError, match="the same command again"):
        while time.monotonic() < deadline:
            saves.check()
            time.sleep(0.01)
    saves.close()
    assert checkpoint.steps(tmp_path) == []
    bug = KeyError("x")
    assert full.explained(bug) is bug


def test_an_error_of_another_kind_stays_itself(tmp_path, monkeypatch):
    """It is raised by `wait`, too, so that no run ends well without its last checkpoint."""

    def fails(*args, **more):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(manifest, "write", fails)
    saves = Checkpoints(tmp_path, keep=1)
    saves.save(1, saved.state(1), {})
    with pytest.raises(ZeroDivisionError):
        saves.wait()
    saves.close()


def test_check_costs_nothing(tmp_path):
    """Below 20 microseconds a call, the fastest of five thousand-fold ones: every step calls it."""
    saves, times = Checkpoints(tmp_path, keep=1), []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(1000):
            saves.check()
        times.append(time.perf_counter() - began)
    assert min(times) / 1000 < 20e-6


def test_save_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    """It returns while the files are written; only the next save waits for it."""
    go = threading.Event()
    write = manifest.write
    monkeypatch.setattr(manifest, "write", lambda *a, **k: go.wait(60) and write(*a, **k))
    saves = Checkpoints(tmp_path, keep=2)
    saves.save(1, saved.state(1), {})
    assert checkpoint.steps(tmp_path) == [] and saves.latest() is None
    go.set()
    saves.close()
    assert checkpoint.steps(tmp_path) == [1] and saves.latest() == 1


def test_an_import_is_verified_as_well(tmp_path):
    """What `write` made has a manifest, and `load` compares it."""
    variables = {k: saved.state(1)[k] for k in ("params",)}
    checkpoint.write(tmp_path, variables)
    step, tree = checkpoint.load(tmp_path)
    assert step == 0 and saved.same(tree["params"], variables["params"])
    assert tree["batch_stats"] == {}
    flip(array_file(tmp_path / "checkpoints" / "0"))
    with pytest.raises(DataError, match="all are damaged"):
        checkpoint.load(tmp_path)


@pytest.fixture
def whole_run(run):
    """With the files that `ckpt ls` reads."""
    section = {"keep": 1, "keep_best": 1, "keep_every_epochs": 1.0}
    config = {"checkpoint": section, "eval": {"split": "test"}}
    (run / "config.json").write_text(json.dumps(config))
    line = {"step": 5, "epoch": 0.5, "split": "test", "top1": 0.75}
    (run / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return run


def test_ls(whole_run, capsys):
    """Step, epoch, size, top-1, why it is kept and what is known of its bytes."""
    assert cli.main(["ckpt", "ls", str(whole_run), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["step"], r["epoch"], r["top1"], r["kept"], r["state"]) for r in rows] == [
        (5, 0.5, 0.75, "best", "unverified"),
        (10, 1.0, None, "interval", "unverified"),
        (15, 1.5, None, "newest", "unverified"),
    ]
    assert all(r["bytes"] > 700_000 and abs(r["time"] - time.time()) < 1e5 for r in rows)
    flip(array_file(whole_run / "checkpoints" / "10"))
    (whole_run / "checkpoints" / "5").rename(whole_run / "checkpoints" / "bad-5")
    assert cli.main(["ckpt", "ls", str(whole_run), "--verify"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4 and out[0].split()[:3] == ["step", "epoch", "saved"]
    assert "bad (" in out[1] and "sha256" in out[1] and out[2].endswith("good")
    assert "75.00%" not in out[3] and "put aside" in out[3] and out[3].endswith("bad (bad-5)")


def test_verify(run, capfd):
    """0 and a line a step; 65, the step and the file when one is damaged."""
    assert cli.main(["ckpt", "verify", str(run)]) == 0
    assert capfd.readouterr().out.count("every byte is as it was saved") == 3
    damaged = array_file(run / "checkpoints" / "10")
    size = damaged.stat().st_size
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert cli.main(["ckpt", "verify", str(run), "--step=15"]) == 0
    capfd.readouterr()
    assert cli.main(["ckpt", "verify", str(run), "--json"]) == 65
    out, err = capfd.readouterr()
    assert [bool(v) for v in json.loads(out).values()] == [False, True, False]
    assert "step 10" in err and f"expected {size:,} bytes, found {size - 1:,}" in out
    assert cli.main(["ckpt", "verify", str(run)]) == 65
    assert damaged.name in capfd.readouterr().err
    assert cli.main(["ckpt", "verify", str(run), "--step=11"]) == 65
    assert checkpoint.steps(run / "checkpoints") == [5, 10, 15]


def test_diff(run, tmp_path, capsys):
    """0 for the same bits; 1, the worst array first, for others; arrays that only one has."""
    assert cli.main(["ckpt", "diff", str(run), f"{run}@15"]) == 0
    assert "the same, bit by bit" in capsys.readouterr().out
    other = saved.state(15)
    other["params"]["logits"]["bias"] = other["params"]["logits"]["bias"].at[3].add(0.5)
    other["params"]["conv0"]["kernel"] = other["params"]["conv0"]["kernel"].at[0].add(1e-3)
    other["opt_state"] = ({"nu": other["opt_state"][0]["nu"][:1]},)
    saves = Checkpoints(tmp_path / "b" / "checkpoints", keep=1)
    saves.save(15, other, {})
    saves.close()
    assert cli.main(["ckpt", "diff", str(run), str(tmp_path / "b"), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [(r["name"], r["what"]) for r in rows] == [
        ("opt_state/0/count", "only in A"),
        ("opt_state/0/nu", "shape"),
        ("params/logits/bias", "values"),
        ("params/conv0/kernel", "values"),
    ]
    assert abs(rows[2]["max_abs"] - 0.5) < 1e-6 and abs(rows[3]["max_abs"] - 1e-3) < 1e-6
    largest = float(np.abs(np.asarray(saved.state(15)["params"]["logits"]["bias"])).max())
    assert abs(rows[2]["max_rel"] - 0.5 / largest) < 1e-6
    assert cli.main(["ckpt", "diff", str(run), str(tmp_path / "b"), "--top=1"]) == 1
    out = capsys.readouterr().out
    assert "params: 2 arrays, values" in out and "and 3 more" in out


def test_a_relative_workdir(run, monkeypatch, capsys):
    """Every reader takes the path as a user gives it; Orbax takes absolute ones only."""
    monkeypatch.chdir(run.parent)
    relative = Path(run.name)
    assert checkpoint.load(relative)[0] == 15 and checkpoint.load(relative, 5)[0] == 5
    shapes = saved.shapes(saved.state(15))
    saves = Checkpoints(relative / "checkpoints", keep=3)
    assert saves.newest_good() == 15
    assert saved.same(saves.restore(15, shapes)[0], saved.state(15))
    saves.close()
    assert cli.main(["ckpt", "verify", run.name]) == 0
    assert cli.main(["ckpt", "diff", f"{run.name}@5", run.name]) == 1
    assert "params" in capsys.readouterr().out
    checkpoint.write(Path("made"), {"params": saved.state(1)["params"]})
    assert checkpoint.load(Path("made"))[0] == 0
