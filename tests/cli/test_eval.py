"""Tests `inception-jax eval`: protocols, ensembles, kills, two processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from inception_jax import cli
from tests import evaluated
from tests.conftest import FLAGS, ROOT
from tests.data import pictures


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Networks of one data set, the digits: two of 8 pixels, one of 12, one with a background."""
    root, names = tmp_path_factory.mktemp("runs"), [str(i) for i in range(10)]
    evaluated.workdir(root / "a", 0, names)
    evaluated.workdir(root / "d", 7, names)
    evaluated.workdir(root / "s", 0, names, eval__protocol="shift")
    evaluated.workdir(root / "b", 1, names, data__image_size=12)
    evaluated.workdir(root / "c", 2, ["background", *names], model__num_classes=11)
    return root


def evaluate(capsys, *words):
    """The output of `eval --json`, in this process."""
    assert cli.main(["eval", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def hits(found):
    """The counts of an evaluation."""
    return [(r["images"], r["top1"]["hits"], r["top5"]["hits"]) for r in found["rows"]]


def test_protocols(runs, capsys):
    """Each has its own counts of all 360 images and its own file, which `report` reads."""
    counts = set()
    for name in ("config", "torchvision", "12crop"):
        found = evaluate(capsys, f"--workdir={runs / 'a'}", f"--protocol={name}")
        counts.add(hits(found)[0])
        assert found["count"] == 360 and "not ImageNet's" in found["note"]
        split = "test" if name == "config" else f"test-{name}"
        written = json.loads((runs / "a" / "eval" / f"{split}.json").read_text())
        assert (written["protocol"], written["count"]) == (name, 360)
        assert written["split"] == split.replace("-", " ")
    assert len(counts) == 3
    from inception_jax.report import evaluations

    notes = []
    read = evaluations.read_all(runs / "a" / "eval", notes)
    assert len(read["test-12crop"].mistakes) == 48 and not notes


def test_the_runs_own_protocol(runs, capsys):
    """Without --protocol it is `eval.protocol`, whose file has the split's name; another's not."""
    own = evaluate(capsys, f"--workdir={runs / 's'}")
    assert own["protocol"] == "shift" and own["written"].endswith("/test.json")
    plain = evaluate(capsys, f"--workdir={runs / 's'}", "--protocol=config")
    assert plain["written"].endswith("/test-config.json") and hits(plain) != hits(own)


@pytest.mark.slow
def test_an_ensemble_of_different_networks(runs, capsys):
    """Other sizes and a background: the mean of the members, whose log-probs are reused."""
    alone = [evaluate(capsys, f"--workdir={runs / n}", "--protocol=slim") for n in "abc"]
    parts = {p: p.stat().st_mtime_ns for p in runs.glob("*/eval/log_probs/test-slim-*/*.npz")}
    words = [f"--workdir={runs / 'a'}", f"--ensemble={runs / 'b'}@0", runs / "c"]
    both = evaluate(capsys, *words, "--protocol=slim")
    assert hits(both)[:3] == [hits(a)[0] for a in alone]
    row = both["rows"][3]
    assert (row["models"], row["images"], row["crops"]) == (3, 360, 1)
    assert "googlenet (width 0.125" in row["network"]
    assert len(parts) == 3 and parts == {p: p.stat().st_mtime_ns for p in parts}
    assert (runs / "a" / "eval" / "test-slim-3_models.json").exists()
    assert evaluate(capsys, *words, "--protocol=slim", "--fresh")["rows"] == both["rows"]


def test_the_cache_is_of_weights_and_images(runs, tmp_path, capsys):
    """Cached log-probs are not used for other weights, another crop or split."""
    shutil.copytree(runs / "a", tmp_path / "a")
    run = tmp_path / "a"
    words = [f"--workdir={run}", "--protocol=slim"]
    first = evaluate(capsys, *words)
    cached = len(list(run.glob("eval/log_probs/*")))
    for more in (
        ["--config.data.image_size=10"],
        ["--config.data.eval_size=10"],  # the same images
        ["--split=train"],
    ):
        evaluate(capsys, *words, *more)
    assert hits(evaluate(capsys, *words)) == hits(first)
    assert len(list(run.glob("eval/log_probs/*"))) == cached + 2
    shutil.rmtree(run / "checkpoints")
    shutil.copytree(runs / "d" / "checkpoints", run / "checkpoints")
    shutil.copy(runs / "d" / "run.json", run)  # whose checkpoints they are
    assert (
        hits(evaluate(capsys, *words)) == hits(evaluate(capsys, *words, "--fresh")) != hits(first)
    )


def test_a_run_that_may_only_be_read(runs, tmp_path, capsys):
    """--out has the results and the cache; without it the message names the flag."""
    shutil.copytree(runs / "a", tmp_path / "a")
    shutil.rmtree(tmp_path / "a" / "eval", ignore_errors=True)
    (tmp_path / "a" / "eval").touch()  # as root may write everywhere else
    words = ["eval", f"--workdir={tmp_path / 'a'}"]
    assert cli.main(words) == 78
    assert "make it writable, or give --out=DIR" in capsys.readouterr().err
    found = evaluate(capsys, *words[1:], f"--out={tmp_path / 'b' / 'c'}")
    assert found["written"] == str(tmp_path / "b" / "c" / "test.json")
    assert {p.name for p in (tmp_path / "b" / "c").iterdir()} == {
        "test.json", "test.npz", "log_probs",
    }  # fmt: skip
    (tmp_path / "b" / "c" / "test.npz").unlink()
    (tmp_path / "b" / "c" / "test.npz").mkdir()
    assert cli.main([*words, f"--out={tmp_path / 'b' / 'c'}"]) == 78
    assert "give --out=DIR" in capsys.readouterr().err


def test_what_is_printed(runs, capsys):
    """A table with intervals, a note that these are not ImageNet's images, the worst classes."""
    assert cli.main(["eval", f"--workdir={runs / 'a'}", "--protocol=12crop"]) == 0
    out = capsys.readouterr().out
    assert "top-1 error (95%)" in out and "12" in out and "360" in out and "ECE" in out
    assert "note: these are not ImageNet's validation images (10 classes such as '0'" in out
    assert "classes with most errors" in out and "written to" in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [(["--protocol=11crop"], 78, "expected one of config, mirror"),
     (["--config.model.width=0.5"], 78, "weights fit no other network"),
     (["--config.ema.decay=0"], 78, "give --raw"),
     (["--protocol=slim", "--config.data.eval_crop=0.5"], 78, "--protocol=slim` does not use"),
     (["--list=5"], 78, "expected WIDTHxHEIGHT"), (["--ensemble=nowhere"], 78, "nowhere"),
     (["--ensemble=x@y"], 78, "DIR@STEP"), (["--subset=nowhere"], 78, "--subset=nowhere"),
     (["--real=nowhere"], 78, "--real=nowhere"), (["--outputs=nowhere"], 78, "--outputs=nowhere"),
     (["--step=7"], 65, "expected step 7"),
     ([f"--outputs={__file__}"], 78, "as many as a network")],
)  # fmt: skip
def test_refused(runs, capsys, words, code, says):
    """A wrong protocol, size, list, file or step."""
    assert cli.main(["eval", f"--workdir={runs / 'a'}", *words]) == code
    assert says in capsys.readouterr().err


def test_lists_and_real_labels_of_imagenet(tmp_path, capsys):
    """On a folder laid out as ImageNet: a subset, a blacklist, ReaL labels, 1001 outputs."""
    from inception_jax.data.imagenet import wnids

    for i in range(6):
        folder = tmp_path / "data" / "val" / wnids()[i]
        folder.mkdir(parents=True)
        pixels = pictures.gradient(20 + i, 30, shade=9 * i)
        (folder / f"ILSVRC2012_val_{i + 1:08d}.JPEG").write_bytes(pictures.encoded(pixels))
    for name in wnids()[6:]:
        (tmp_path / "data" / "val" / name).mkdir()
    real = [[i] for i in range(50_000)]
    real[1] = []
    (tmp_path / "real.json").write_text(json.dumps([r if r and r[0] < 1000 else [] for r in real]))
    (tmp_path / "black").write_text("3\n")
    (tmp_path / "some").write_text("ILSVRC2012_val_00000001\n2\n3\n00000005\n")
    changes = {
        "data__source": "folder", "data__dir": str(tmp_path / "data"), "data__classes": 1000,
        "data__train_split": "val", "eval__split": "val", "model__num_classes": 1001,
    }  # fmt: skip
    run = evaluated.workdir(tmp_path / "run", 0, **changes)
    lists = [f"--subset={tmp_path / 'some'}", f"--without={tmp_path / 'black'}"]
    found = evaluate(capsys, f"--workdir={run}", *lists, f"--real={tmp_path / 'real.json'}")
    (images, *_), (counted, *_) = hits(found)
    assert (images, counted) == (3, 2) and found["count"] == 3
    assert found["rows"][1]["what"].strip() == "with ReaL labels"
    assert "3 images are neither all 50,000" in found["note"]
    everything = evaluate(capsys, f"--workdir={run}", f"--real={tmp_path / 'real.json'}")
    assert [r[0] for r in hits(everything)] == [6, 5]


KILLED = """
import os, signal, sys
from inception_jax import cli
from inception_jax.eval import log_prob_cache

log_prob_cache.EVERY = 0.0
write = log_prob_cache.LogProbCache.write
def killing(self):
    write(self)
    if len(list(self.folder.glob("0*.npz"))) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
log_prob_cache.LogProbCache.write = killing
cli.main(sys.argv[1:])
"""


def test_killed_and_stopped_it_continues(runs, capsys, monkeypatch):
    """After kill -9 and after SIGTERM (75) the same command evaluates only the rest, equally."""
    from inception_jax.eval import log_prob_cache
    from inception_jax.eval.views import ViewReader

    run = runs / "b"
    words = ["eval", f"--workdir={run}", "--protocol=10crop", "--config.eval.batch_size=300"]
    env = {**os.environ, "XLA_FLAGS": FLAGS}
    code = [sys.executable, "-c", KILLED, *words]
    done = subprocess.run(code, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    read, original = [], ViewReader.__call__

    def recording(self, positions, out):
        nonlocal stop
        original(self, positions, out)
        read.extend(out["tried"][out["tried"] >= 0].tolist())
        if len(read) > 150:
            # Once: a reader that ends after the command would kill this process of the tests.
            number, stop = stop, 0
            os.kill(os.getpid(), number)

    monkeypatch.setattr(ViewReader, "__call__", recording)
    stop, words = signal.SIGTERM, [*words, "--json"]
    assert cli.main(words) == 75
    err = capsys.readouterr().err
    assert (
        "stopped by SIGTERM" in err
        and "are in the log-prob cache, the same command continues" in err
    )
    assert min(read) == 90  # three parts of 30 images had been written
    (folder,) = run.glob("eval/log_probs/test-10crop-*")
    done = log_prob_cache.LogProbCache(
        folder, json.loads((folder / "about.json").read_text()), 10
    ).done
    assert 90 < len(done) < 360
    stop = 0
    read.clear()
    found = evaluate(capsys, *words[1:-1])
    assert sorted(read) == sorted(set(range(360)) - set(done.tolist()))
    again = evaluate(capsys, *words[1:-1], "--fresh")
    assert hits(again) == hits(found) and again["per_class"] == found["per_class"]
    assert again["loss"] == pytest.approx(found["loss"], rel=1e-6)  # on 8 devices, not 1


@pytest.mark.slow
def test_two_processes(tmp_path, capsys):
    """Two processes of two devices: each reads its half, the first writes, counts are equal.

    The unreadable image is in the second process's half, and twenty are in the cache.
    """
    names = [f"class{i}" for i in range(10)]
    data = pictures.tree(tmp_path / "data", {"test": dict.fromkeys(names, 11)})
    (data / "test" / "class0" / "004.png").write_bytes(b"no image")
    folder = {"data__source": "folder", "data__dir": str(data), "data__train_split": "test"}
    run = evaluated.workdir(tmp_path / "run", 1, names, **folder)
    words = [f"--workdir={run}", "--protocol=10crop", "--config.eval.batch_size=70"]
    (tmp_path / "some").write_text("".join(f"class7/{i:03}\nclass2/{i:03}\n" for i in range(10)))
    evaluate(capsys, *words, f"--subset={tmp_path / 'some'}")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**os.environ, "JAX_COORDINATOR_BIND_ADDRESS": f"127.0.0.1:{port}"}
    env["XLA_FLAGS"] = f"{FLAGS} --xla_force_host_platform_device_count=2"
    program = [sys.executable, ROOT / "tests" / "one_of_two.py"]
    both = [
        subprocess.Popen(
            [*program, str(rank), str(port), "eval", *words, "--json"], env=env, cwd=ROOT,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    try:
        (out, err), (other, _) = (p.communicate(timeout=120) for p in both)
    finally:
        for process in both:
            process.kill()
    assert [p.returncode for p in both] == [0, 0], err
    assert "rows" not in other
    found = json.loads(out.splitlines()[-1])
    assert list(found["reasons"]) == ["test/class0/004.png"] and found["count"] == 109
    alone = evaluate(capsys, *words, "--fresh")
    assert hits(found) == hits(alone) and found["per_class"] == alone["per_class"]
