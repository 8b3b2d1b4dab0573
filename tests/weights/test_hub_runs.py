"""Tests runs on the hub, against a stand-in of it: pushed, pulled, and every refusal."""

import json
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from inception_jax import checkpoint, cli
from inception_jax.workdir import class_names, run_dir, target_scale
from tests.saved import flip, same
from tests.weights.hub_server import HubServer, commit_id

hub = pytest.importorskip("huggingface_hub")
# The client's own, of its upload of large files.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A hub, whose client has the token of `me` and an empty cache."""
    server = HubServer()
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    for module, name, value in [
        ("constants", "ENDPOINT", server.url),
        ("constants", "HUGGINGFACE_CO_URL_TEMPLATE", template),
        ("file_download", "HUGGINGFACE_CO_URL_TEMPLATE", template),  # before version 1
        ("constants", "HF_HUB_CACHE", str(tmp_path / "cache")),
        ("constants", "HF_HUB_DISABLE_XET", True),
    ]:
        monkeypatch.setattr(f"huggingface_hub.{module}.{name}", value, raising=False)
    monkeypatch.setenv("HF_TOKEN", "writer")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """A copy of the tiny run, with class names and an evaluation; its local path is private."""
    config = tiny_run[1].copy_and_resolve_references()
    workdir = tmp_path_factory.mktemp("hub") / "run"
    config.data.update(source="folder", dir="/home/me/secret/birds")
    checkpoint.write(workdir, jax.tree.map(jax.device_put, checkpoint.load(tiny_run[0])[1]))
    (workdir / "config.json").write_text(json.dumps(run_dir.plain(config)))
    class_names.write(workdir, ["ant", "bee", "cow", "dög", "elk"])
    (workdir / "eval").mkdir()
    found = {"split": "test", "step": 0, "top1": 0.8, "top5": 1.0, "count": 50, "params": 1234}
    (workdir / "eval" / "test.json").write_text(json.dumps(found))
    return workdir


def push(workdir, *words, name="me/birds"):
    """The exit code of an export to the hub."""
    return cli.main(["export", f"--workdir={workdir}", f"--to=hub:{name}", *words])


def pull(out, name="me/birds"):
    """The exit code of an import from the hub."""
    return cli.main(["import", f"hub:{name}", f"--out={out}"])


def test_a_pulled_run_is_the_pushed_one(server, run, tmp_path, capsys):
    """Bit-equal variables, config, classes; `predict` prints the same; the source is recorded."""
    assert push(run, "--license=cc-by-4.0") == 0
    assert "hub:me/birds" in capsys.readouterr().out
    files = server.repos["me/birds"][-1]
    assert sorted(files) == [
        ".gitattributes", "README.md", "classes.json", "config.json", "inception_jax.json",
        "model.safetensors",
    ]  # fmt: skip
    assert list(server.objects.values()) == [files["model.safetensors"]]
    assert not any(b"secret" in content for content in files.values())
    assert pull(tmp_path / "pulled") == 0
    first, second = (checkpoint.load(path)[1] for path in (run, tmp_path / "pulled"))
    assert jax.tree.structure(first) == jax.tree.structure(second) and same(first, second)
    configs = [run_dir.saved_config(path) for path in (run, tmp_path / "pulled")]
    assert configs[1]["data"].pop("dir") == "birds"
    configs[0]["data"].pop("dir")
    assert configs[0] == configs[1]
    assert class_names.read(tmp_path / "pulled")[3] == "dög"
    source = json.loads((tmp_path / "pulled" / "source.json").read_text())
    assert source["peer"] == f"hub:me/birds@{commit_id('me/birds', 2)}"
    pixels = np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    capsys.readouterr()
    outs = []
    for path in (run, tmp_path / "pulled"):
        assert cli.main(["predict", str(tmp_path / "a.png"), f"--workdir={path}", "--json"]) == 0
        outs.append(capsys.readouterr().out)
    assert outs[0] == outs[1] and "elk" in outs[0]


def test_a_regression_keeps_the_scale_of_its_targets(server, run, tmp_path, capsys):
    """Without it the outputs would be standard deviations, not the targets' units."""
    workdir = tmp_path / "values"
    shutil.copytree(run, workdir)
    config = json.loads((workdir / "config.json").read_text())
    config["data"]["task"], config["loss"]["name"] = "regression", "huber"
    (workdir / "config.json").write_text(json.dumps(config))
    scale = target_scale.TargetScale(np.arange(5.0), np.full(5, 2.0))
    target_scale.write(workdir, scale, allow_change=False)
    assert push(workdir) == 0 and "targets.json" in server.repos["me/birds"][-1]
    assert pull(tmp_path / "pulled") == 0
    assert same(target_scale.read(tmp_path / "pulled"), scale)
    (workdir / "targets.json").unlink()
    capsys.readouterr()
    assert push(workdir, "--update") == 78
    assert "expected targets.json" in capsys.readouterr().err


@pytest.mark.slow
def test_an_older_commit(server, run, tmp_path):
    """`--update` adds a commit; @REVISION gives an earlier one."""
    assert push(run) == 0 and push(run, "--update") == 0
    assert len(server.repos["me/birds"]) == 3
    assert pull(tmp_path / "new") == 0
    assert pull(tmp_path / "old", f"me/birds@{commit_id('me/birds', 2)}") == 0
    assert same(checkpoint.load(tmp_path / "old")[1], checkpoint.load(tmp_path / "new")[1])


def test_written_to_a_folder(server, run, tmp_path, capsys):
    """With --out nothing is sent; the card's block is what the hub reads."""
    assert push(run, f"--out={tmp_path / 'x'}", "--license=mit") == 0
    assert not server.log and (tmp_path / "x" / "model.safetensors").is_file()
    data = hub.ModelCard((tmp_path / "x" / "README.md").read_text()).data
    assert (data.license, data.library_name) == ("mit", "inception_jax")
    (top1,) = data.eval_results  # of five classes or fewer top-5 says nothing
    assert (top1.metric_value, top1.dataset_split, top1.dataset_name) == (0.8, "test", "birds")
    assert push(run, f"--out={tmp_path / 'x'}") == 78
    assert "expected a new folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "token", "name", "code", "says"),
    [
        ([], "wrong", "me/a", 78, "the hub needs a valid token; run `hf auth login`"),
        ([], "", "me/a", 78, "the hub needs a valid token; run `hf auth login`"),
        ([], "reader", "me/a", 78, "the token may not write there"),
        ([], "writer", "me/taken", 78, "this one has model.bin; choose another name, or give --up"),
        ([], "writer", "me", 78, "expected hub:USER/NAME"),
        (["--license=My License"], "writer", "me/a", 78, "expected an identifier of the hub"),
        (["--endpoint=conv2"], "writer", "me/a", 78, "--endpoint has no effect"),
        (["--config.data.image_size=9"], "writer", "me/a", 78, "does not use this key"),
    ],
)
def test_refused_pushes(server, run, monkeypatch, capsys, words, token, name, code, says):
    """Nothing is created, and the message says what to do."""
    server.repos["me/taken"] = [{"model.bin": b"1"}]
    monkeypatch.setenv("HF_TOKEN", token)
    if not token:
        monkeypatch.setattr(hub.constants, "HF_TOKEN_PATH", "/nowhere")
    assert push(run, *words, name=name) == code
    assert says in capsys.readouterr().err
    assert server.repos == {"me/taken": [{"model.bin": b"1"}]}


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/commit/", "/objects/batch"])
def test_a_push_that_breaks_off(server, run, capsys, path):
    """The repository stays empty, and the same command then completes it."""
    server.broken = path
    assert push(run) == 65
    assert "the hub answered 400" in capsys.readouterr().err
    server.broken = "(nothing)"
    assert push(run) == 0 and len(server.repos["me/birds"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("me/none", "no such repository, or it is private"),
        ("me/hidden", "no such repository, or it is private"),
        ("me/other", "holds no run that `inception-jax export"),
        ("me/birds@v9", "no such revision"),
        ("birds", "expected hub:USER/NAME"),
    ],
)
def test_refused_pulls(server, run, monkeypatch, tmp_path, capsys, name, says):
    """A missing or private repository, one without a run, a wrong name: no directory is left."""
    assert push(run) == 0
    server.repos.update({"me/other": [{"model.bin": b"1"}], "me/hidden": [{}]})
    server.private.add("me/hidden")
    monkeypatch.setenv("HF_TOKEN", "reader")
    assert pull(tmp_path / "out" / "x", name) == 78
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("model.safetensors", "model.safetensors is not the file that was exported"),
        ("inception_jax.json", "inception_jax.json cannot be used"),
        ("pickle", "no safetensors file"),
        ("shapes", "expected the weights of tiny (tiny), but params/conv1/kernel differ"),
    ],
)
def test_damaged_files(server, run, tmp_path, capsys, file, says):
    """Refused with the file's name; no pickle is read, and no directory is left."""
    import pickle

    from safetensors.numpy import load_file, save_file

    from inception_jax.weights import bundle

    assert push(run, f"--out={tmp_path / 'x'}") == 0
    weights, manifest = tmp_path / "x" / bundle.WEIGHTS, tmp_path / "x" / bundle.MANIFEST
    if file == "pickle":
        weights.write_bytes(pickle.dumps({"a": 1}))
    elif file == "shapes":
        arrays = load_file(weights)
        arrays["params/conv1/kernel"] = arrays["params/conv1/kernel"][..., :4].copy()
        save_file(arrays, weights)
    else:
        flip(tmp_path / "x" / file, 8 * 4)
    if file in ("pickle", "shapes"):  # signed again
        about = json.loads(manifest.read_text())
        about["sha256"][bundle.WEIGHTS] = bundle.sha256(weights)
        manifest.write_text(json.dumps(about))
    server.repos["me/birds"] = [{p.name: p.read_bytes() for p in (tmp_path / "x").iterdir()}]
    assert pull(tmp_path / "out" / "y") == 65
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out" / "y").exists()


def test_no_network(server, run, tmp_path, capsys):
    """One attempt each, and one line."""
    server.shutdown()
    server.server_close()
    for attempt in (lambda: push(run), lambda: pull(tmp_path / "x")):
        code, message = attempt(), capsys.readouterr().err
        assert code == 65 and f"{server.url} cannot be used" in message
        assert message.count("\n") == 1
    assert not (tmp_path / "x").exists()
