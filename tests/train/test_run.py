"""Tests `inception_jax/train/run.py`, in this process and (slow) by command."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from inception_jax import checkpoint, models
from inception_jax.errors import ConfigError, PreemptedError
from inception_jax.train import run
from inception_jax.train.loop import Loop
from inception_jax.workdir import jsonl
from tests.conftest import FLAGS, ROOT
from tests.evaluated import WITHOUT
from tests.tiny import Tiny, digits

# Dropout, colour and EMA are on: everything whose state must survive.
SMALL = (
    "--config=configs/digits.py:epochs=3.0,width=0.125",
    "--config.data.image_size=8",
    "--config.data.batch_size=96",
    "--config.data.colour=slim",
    "--config.data.flip=true",
    f"--config.model.drop_rows={WITHOUT}",
    "--config.model.dropout=0.3",
    "--config.checkpoint.every_epochs=0.5",
    "--config.eval.every_epochs=1.0",
    "--config.log.every_steps=4",
    "--config.log.tensorboard=false",
)


def start(workdir, *more, log="out.txt"):
    """A training process in the background."""
    env = {**os.environ, "XLA_FLAGS": FLAGS}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    words = [sys.executable, "-m", "inception_jax", "train", *SMALL, *more, f"--workdir={workdir}"]
    with Path(f"{workdir}.{log}").open("a") as out:
        return subprocess.Popen(words, env=env, cwd=ROOT, stdout=out, stderr=out)


def finish(workdir, *more):
    """A training process run to its end; its exit code must be 0."""
    process = start(workdir, *more)
    assert process.wait(300) == 0, Path(f"{workdir}.out.txt").read_text()[-3000:]


def lines(workdir):
    """metrics.jsonl without what depends on the clock."""
    keep = lambda line: {  # noqa: E731
        k: v for k, v in line.items() if k not in ("time", "images_per_s", "input_wait")
    }
    return [keep(line) for line in jsonl.read(workdir / "metrics.jsonl")]


def weights(workdir):
    """Every array that the newest checkpoint evaluates, as bytes by name."""
    step, tree = checkpoint.load(workdir)
    return step, {
        jax.tree_util.keystr(p): np.asarray(x).tobytes()
        for p, x in jax.tree_util.tree_leaves_with_path(tree)
    }


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The workdir of an uninterrupted run."""
    workdir = tmp_path_factory.mktemp("runs") / "uninterrupted"
    finish(workdir, "--profile=2")
    return workdir


def wait_for_step(workdir, step, process):
    """Returns when metrics.jsonl has reached a step, or the process has ended."""
    path = workdir / "metrics.jsonl"
    for _ in range(3000):
        if path.exists() and any(x["step"] >= step for x in jsonl.read(path)):
            return
        if process.poll() is not None:
            return
        time.sleep(0.05)
    raise AssertionError(f"no step {step} after 150 s")


# Every optional part of the optimiser; the rows join at steps 0, 1, 2 and 3 of 6.
OPTIMISER = {
    "optim__weight_decay": 1e-3, "optim__decay_mask": "backbone", "optim__agc": 0.1,
    "optim__lookahead": 2, "optim__layer_decay": 0.8, "optim__clip": 1.0,
    "optim__unfreeze_epochs": 1 / 15, "optim__schedule": "onecycle", "optim__warmup_epochs": 0.1,
    "model__dtype": "float16", "optim__loss_scale": 2.0**18,
}  # fmt: skip

# A real network: a stem measured from the data, dropped branches, and Muon's own keys.
NETWORK = {
    "model__drop_rows": tuple(
        f"inception_{row}" for row in ("3a", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    ),
    "data__image_size": 16, "data__eval_crop": 1.0, "model__stem": "whitened", "model__aux": False,
    "model__drop_branch": 0.2, "optim__name": "muon", "optim__lr": 0.05, "optim__adam_lr": 0.1,
    "optim__fixed_norm": True, "optim__sam": 0.05, "eval__protocol": "shift",
}  # fmt: skip


def signal_after_save(patch, step):
    """A signal when the loop has saved `step`."""
    save = Loop.save

    def save_and_signal(loop, saved, state):
        save(loop, saved, state)
        if saved == step:
            os.kill(os.getpid(), signal.SIGTERM)

    patch.setattr(Loop, "save", save_and_signal)


@pytest.mark.parametrize(
    "more",
    [{}, pytest.param(OPTIMISER, marks=pytest.mark.slow),
     pytest.param(NETWORK, marks=pytest.mark.slow)],
    ids=["", "optimiser", "network"],
)  # fmt: skip
def test_a_stopped_run_resumes_bit_identically(tmp_path, monkeypatch, promotion, more):
    """SIGTERM after step 1 saves step 3 and stops; resumed, it ends as an uninterrupted run."""
    if more is not NETWORK:
        monkeypatch.setattr(
            "inception_jax.train.program.build_model", lambda c, _: Tiny(dropout=0.3, dtype=c.dtype)
        )
    changes = {**more, "train__epochs": 0.4, "log__every_steps": 2, "log__tensorboard": False}
    changes |= {"data__flip": True, "augment__flips": "alternating", "augment__mixup": 0.2,
                "augment__cutmix": 1.0, "augment__erasing": 0.5}  # fmt: skip
    changes |= {"augment__policy": "randaugment", "augment__magnitude_std": 0.5}
    config = digits(**changes, mesh__data=1, train__watchdog=0.0)
    run.run(config, tmp_path / "whole")
    stop = tmp_path / "stopped"
    with monkeypatch.context() as patch, pytest.raises(PreemptedError, match="saved step 3 of 6"):
        signal_after_save(patch, 1)
        run.run(config, stop)
    assert not (stop / "DONE").exists()
    run.run(config, stop)
    assert lines(stop) == lines(tmp_path / "whole") and weights(stop) == weights(tmp_path / "whole")
    events = jsonl.read(stop / "attempts.jsonl")
    assert [e["event"] for e in events] == ["start", "end", "start", "end"]
    assert (events[1]["code"], events[2]["step"], events[3]["code"]) == (75, 3, 0)
    assert (stop / "DONE").exists()


# Images of two sizes, an early stop after step 9, and a recalibration of three steps.
STAGED = {
    "data__image_size": 10, "train__sizes": (8,), "train__size_epochs": (0.2,),
    "train__epochs": 0.9, "train__recalibrate": 3, "train__patience": 1, "eval__every_epochs": 0.2,
    "checkpoint__every_epochs": 0.2, "optim__lr": 1e-9, "log__tensorboard": False,
    "log__every_steps": 2, "mesh__data": 1, "train__watchdog": 0.0,
}  # fmt: skip


def signal_at(patch, steps):
    """A signal while the loop is at the first of `steps`, which is then removed."""
    feed = Loop.feed

    def feed_and_signal(loop, step):
        if steps and step == steps[0]:
            os.kill(os.getpid(), signal.SIGTERM)
            steps.pop(0)
        return feed(loop, step)

    patch.setattr(Loop, "feed", feed_and_signal)


@pytest.mark.slow
def test_a_run_of_many_stages_resumes_bit_identically(tmp_path, monkeypatch):
    """Stopped in every stage and between them, with a teacher; a stopped training stays done."""
    monkeypatch.setitem(models.MODELS, "tiny", Tiny)
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny(dropout=0.3))
    own = {"name": "tiny", "dialect": "tiny", "width": 1.0, "drop_rows": ()}
    own = {f"model__{k}": v for k, v in own.items()}
    taught = digits(**own, train__epochs=0.1, mesh__data=1, log__tensorboard=False)
    run.run(taught, tmp_path / "teacher")
    config = digits(**STAGED, **own, loss__teacher=str(tmp_path / "teacher"))
    run.run(config, tmp_path / "whole")
    stopped, steps = tmp_path / "stopped", [2, 4, 7, 10, 12]
    with monkeypatch.context() as patch:
        signal_at(patch, steps)
        while steps:
            with pytest.raises(PreemptedError):
                run.run(config, stopped)
            assert not (stopped / "DONE").exists()
    for _ in range(2):
        run.run(config, stopped)
        assert lines(stopped) == lines(tmp_path / "whole")
        assert weights(stopped) == weights(tmp_path / "whole")
        assert "stopped early at step 9: 1 evaluations" in (stopped / "DONE").read_text()
    assert weights(stopped)[0] == 12
    found = [(x["step"], x.get("since_best")) for x in lines(stopped) if x["split"] == "test"]
    assert found == [(3, 0), (6, 0), (9, 1), (12, 1)]
    checkpoint.write(tmp_path / "other", checkpoint.load(tmp_path / "whole")[1])
    shutil.rmtree(tmp_path / "teacher" / "checkpoints")
    (tmp_path / "other" / "checkpoints").rename(tmp_path / "teacher" / "checkpoints")
    shutil.copy(tmp_path / "other" / "run.json", tmp_path / "teacher")
    with pytest.raises(ConfigError, match="expected the weights with which this run began"):
        run.run(config, stopped)


@pytest.mark.slow
def test_a_longer_run_equals_one_from_the_start(tmp_path, monkeypatch):
    """A finished run whose `train.epochs` is raised: DONE goes, and the weights are bit-equal."""
    monkeypatch.setattr("inception_jax.train.program.build_model", lambda c, _: Tiny(dropout=0.3))
    changes = {"optim__schedule": "constant", "log__tensorboard": False, "mesh__data": 1}
    for epochs in (0.2, 0.4):
        run.run(digits(**changes, train__epochs=epochs), tmp_path / "raised")
    run.run(digits(**changes, train__epochs=0.4), tmp_path / "whole")
    assert weights(tmp_path / "raised") == weights(tmp_path / "whole")
    monkeypatch.setattr(Loop, "run", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.run(digits(**changes, train__epochs=0.6), tmp_path / "raised")
    assert not (tmp_path / "raised" / "DONE").exists()


@pytest.mark.slow
def test_a_profile(uninterrupted):
    """`--profile` traces steps for TensorBoard and Perfetto, and prints the paths."""
    folder = uninterrupted / "profile" / "process-0"
    (trace,) = folder.rglob("*.xplane.pb")
    assert trace.stat().st_size > 1000
    (perfetto,) = folder.rglob("perfetto_trace.json.gz")
    found = json.loads(gzip.decompress(perfetto.read_bytes()))
    assert "metadata" not in found  # Perfetto refuses it
    steps = {e["args"]["step_num"] for e in found["traceEvents"] if e.get("name") == "train"}
    assert steps == {"10", "11"}
    printed = Path(f"{uninterrupted}.out.txt").read_text()
    assert "profile: 2 steps of " in printed and str(perfetto) in printed and str(folder) in printed
    assert re.search(r"first step after .*: data .*s, compiler .*s, the rest .*s", printed)


@pytest.mark.slow
def test_a_finished_run_is_left_alone(uninterrupted):
    """The same command on a finished run exits with 0 and trains no step."""
    before = (uninterrupted / "metrics.jsonl").read_bytes()
    finish(uninterrupted)
    assert (uninterrupted / "metrics.jsonl").read_bytes() == before


@pytest.mark.slow
def test_an_unreadable_image(tmp_path, command):
    """One bad file of 150 is named and replaced; two end the run with 65, naming both."""
    import cv2

    rng = np.random.default_rng(0)
    for split, count in (("train", 75), ("test", 4)):
        for label in ("cat", "dog"):
            folder = tmp_path / "images" / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 255, (10, 12, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / f"{i:03}.png"), pixels)
    words = (
        *SMALL, "--config.data.source=folder", f"--config.data.dir={tmp_path / 'images'}",
        "--config.data.classes=2", "--config.model.num_classes=2", "--config.data.batch_size=32",
    )  # fmt: skip
    bad = [tmp_path / "images/train/cat/007.png", tmp_path / "images/train/dog/011.png"]
    bad[0].write_bytes(b"this is no image")
    done = command("train", *words, f"--workdir={tmp_path / 'one'}")
    assert done.returncode == 0, done.stderr
    assert "unreadable image train/cat/007.png" in done.stderr
    bad[1].write_bytes(bad[1].read_bytes()[:40])
    ended = command("train", *words, f"--workdir={tmp_path / 'two'}")
    assert ended.returncode == 65
    assert "train/cat/007.png" in ended.stderr and "train/dog/011.png" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_fine_tuning_from_a_run(uninterrupted, tmp_path, command):
    """`checkpoint.init` starts from another run's arrays; a rate of almost zero keeps them."""
    done = command(
        "train", *SMALL, f"--config.checkpoint.init={uninterrupted}", "--config.train.epochs=0.5",
        "--config.optim.lr=1e-12",
        "--config.optim.warmup_epochs=0.0", f"--workdir={tmp_path / 'tuned'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(rf"\b(\d+) of \1 arrays from {uninterrupted} at step", done.stdout)
    assert "fresh" not in done.stdout
    (_, began), (_, ended) = checkpoint.load(uninterrupted), checkpoint.load(tmp_path / "tuned")
    # The average of equal arrays rounds in its last digit.
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), began["params"], ended["params"]
    )


@pytest.mark.slow
def test_eval_and_predict_agree_with_training(uninterrupted, command, tmp_path):
    """`eval` repeats the run's last evaluation exactly; on 8 devices the counts are the same."""
    last = [x for x in jsonl.read(uninterrupted / "metrics.jsonl") if x["split"] == "test"][-1]
    for devices in (1, 8):
        done = command("eval", f"--workdir={uninterrupted}", "--json", devices=devices)
        assert done.returncode == 0, done.stderr
        got = json.loads(done.stdout)
        assert (got["count"], got["top1"], got["top5"]) == (360, last["top1"], last["top5"])
        assert abs(got["loss"] - last["loss"]) < 1e-5
    import cv2

    from inception_jax.data.sources.digits import Digits

    source = Digits("test")
    for i in range(40):
        cv2.imwrite(str(tmp_path / f"{i:03}.png"), source.stored(i))
    (tmp_path / "900.png").write_bytes(b"no image")
    done = command("predict", tmp_path, f"--workdir={uninterrupted}", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 41 and "error" in rows[-1]
    assert all(abs(sum(c["probability"] for c in r["top"]) - 1) < 0.5 for r in rows[:-1])
    assert all(len(r["top"]) == 5 for r in rows[:-1])
