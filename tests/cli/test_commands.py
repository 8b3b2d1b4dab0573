"""Tests the commands as a user meets them: help, speed, listings, and what is printed where."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inception_jax import cli, launch
from inception_jax import config as cfg
from inception_jax.cli import ckpt, data, sweep
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

HEAVY = ("jax", "flax", "numpy", "orbax", "cv2", "tensorflow_datasets", "tensorflow")
# Flags that each command's help must explain.
FLAGS = {
    "train": [
        "--config=PAGE",
        "--workdir=",
        "--config.SECTION.KEY=VALUE",
        "--allow_config_change",
        "--profile=N",
    ],
    "eval": [
        "--workdir=DIR",
        "--split=",
        "--step=N",
        "--json",
        "--config.SECTION.KEY=VALUE",
        "--protocol=",
        "144crop",
        "--ensemble=",
        "DIR@STEP",
        "--subset=",
        "--without=",
        "--real=",
        "--outputs=",
        "--list=",
        "--fresh",
        "kept",
    ],
    "predict": ["--workdir=DIR", "--top=N", "(default 5)", "--step=N", "--features=", "--json"],
    "fid": [
        "DIR_A DIR_B",
        "--workdir=",
        "--kid_subset_size=N",
        "(default 1000)",
        "--save=",
        "--json",
        "inception-jax import",
    ],
    "describe": [
        "--dialect=",
        "--width=X",
        "--stem=",
        "--image_size=N",
        "--diff",
        "--svg",
        "--json",
    ],
    "import": ["--out=", "--normalization=", "--classes=", "--json"],
    "export": ["--workdir=DIR", "--to=", "--out=", "--endpoint=", "--step=N"],
    "config": ["--config=PAGE", "--json", "optim.lr ", "a finite number above 0"],
    "ckpt": ["ckpt ls", "ckpt verify", "ckpt diff", "ckpt ls --help"],
    "plan": ["--config=PAGE", "--devices=N", "--topology=", "--compare=", "--json", "virtual"],
    "launch": ["--print", "slurm ", "k8s ", "sky ", "xpk ", "tpu_vm", "local ", "retry", "78"],
    "sweep": ["sweep expand", "sweep launch", "sweep status", "sweep best", "sweep stop"],
    "data": ["data check", "data show", "data prepare", "data check --help"],
    "doctor": [
        "--config=PAGE",
        "--workdir=",
        "--json",
        "--compile",
        "--coordinator=",
        "--patience=X",
        "(default 60)",
    ],
    "report": ["--out="],
}

# Those of the actions of `data`.
DATA_FLAGS = {
    "check": ["--config=PAGE", "--split=", "--json", "checksums"],
    "show": ["--config=PAGE", "--split=", "--out=", "--step=N"],
    "bench": ["--folder=", "--size=N", "--json"],
    "prepare": ["--out=", "--name=", "--shard_mb=N", "--manual_dir=", "--any_size", "TensorFlow"],
}

# Those of the actions of `ckpt`.
CKPT_FLAGS = {
    "ls": ["--verify", "--json", "unverified", "keep_every_epochs"],
    "verify": ["--step=N", "--json", "65", "bad-<step>"],
    "diff": ["--top=N", "--json", "A[@STEP]", "with 1"],
}

SWEEP_FLAGS = {
    "expand": ["--config=PAGE", "--sweep=", "--search", "--dir=DIR", "def sweep_lr", "--json"],
    "launch": ["--on=", "--at_once=N", "--print", "--workers=N", "--storage=", "def search(trial)"],
    "status": ["--json", "--reap"],
    "best": ["--json", "--config"],
    "resume": ["--on=", "--at_once=N", "continues"],
    "stop": ["saves first"],
    "work": ["--worker=N", "75"],
}
LAUNCH_FLAGS = {
    "local": ["--processes=N", "--crashes=N"],
    "slurm": [
        "--nodes=N",
        "--gpus=N",
        "--time=",
        "--lead=N",
        "--partition=",
        "--extra=",
        "SIGTERM",
    ],
    "k8s": ["--image=", "--tpu=", "--topology=", "--queue=", "--claim=", "JobSet"],
    "sky": ["--accelerator=", "--bucket=", "--on_demand", "spot"],
    "xpk": ["--cluster=", "--device=", "--image="],
    "tpu_vm": ["--device=", "--zone=", "--source=", "gcloud"],
    "retry": ["--code=N", "--job=", "--preemptions=N"],
}


def loaded(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has imported after some code."""
    code += f"\nimport sys; print('HAS', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def fastest(run, tries: int = 5) -> float:
    """Seconds of the fastest of some calls: what it costs, whatever else the machine does."""
    times = []
    for _ in range(tries):
        began = time.monotonic()
        run()
        times.append(time.monotonic() - began)
        if min(times) < 0.25:
            break
    return min(times)


@pytest.mark.parametrize("name", [None, *cli.COMMANDS])
def test_help_is_quick_and_explains_the_flags(command, name):
    """Every --help ends with code 0 in half a second and names each flag."""
    words = [name, "--help"] if name else ["--help"]
    done = command(*words)
    assert (done.returncode, done.stderr) == (0, "")
    for text in FLAGS[name] if name else [*cli.COMMANDS, "exit codes", "78"]:
        assert text in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert fastest(lambda: command(*words)) < 0.5


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_imports_nothing_heavy(name):
    """No command waits for JAX, or even numpy, to print its help."""
    code = f"from inception_jax.cli import main\ntry:\n    main(['{name}', '--help'])\n"
    assert not loaded(code + "except SystemExit:\n    pass")


ACTIONS = {"data": DATA_FLAGS, "ckpt": CKPT_FLAGS, "sweep": SWEEP_FLAGS, "launch": LAUNCH_FLAGS}


def test_help_covers_every_action():
    """A new action must say here which flags it explains."""
    there = {"data": data.ACTIONS, "ckpt": ckpt.ACTIONS, "sweep": sweep.ACTIONS}
    there["launch"] = (*launch.ENGINES, "retry")
    assert {c: set(a) for c, a in there.items()} == {c: set(a) for c, a in ACTIONS.items()}


@pytest.mark.parametrize("words", [(c, a) for c, actions in ACTIONS.items() for a in actions])
def test_help_of_an_action(words, capsys):
    """Each action explains its own flags, without anything heavy."""
    with pytest.raises(SystemExit):
        cli.main([*words, "--help"])
    out = capsys.readouterr().out
    wanted = ACTIONS[words[0]][words[1]]
    assert all(text in out for text in wanted)
    assert max(map(len, out.splitlines())) <= 100
    code = f"from inception_jax.cli import main\ntry:\n    main([*{words}, '--help'])\n"
    assert not loaded(code + "except SystemExit:\n    pass")


def test_help_covers_every_command():
    """A new command must say here which flags it explains."""
    assert set(FLAGS) == set(cli.COMMANDS)


def test_importing_the_package_is_free():
    """`import inception_jax` takes no time and imports nothing heavy."""
    assert not loaded("import inception_jax")
    run = [sys.executable, "-c", "import inception_jax"]
    assert fastest(lambda: subprocess.run(run, check=True)) < 0.3


def test_a_wrong_config_is_found_without_jax():
    """Most mistakes are found before anything heavy is imported."""
    words = ["train", "--config=configs/digits.py", "--workdir=x", "--config.optim.lr=nan"]
    root = Path(__file__).resolve().parents[2]
    code = f"import os; os.chdir({str(root)!r})\nfrom inception_jax.cli import main\n"
    assert not loaded(code + f"assert main({words}) == 78")


def test_config_prints_in_the_order_of_a_page(command):
    """Sections and keys come as designed, with the overrides, as text and as JSON."""
    words = ["config", "--config=configs/digits.py:epochs=2", "--config.optim.lr=0.125"]
    tree = json.loads(command(*words, "--json").stdout)
    assert [key for key, _ in cfg.flatten(tree)] == list(cfg.RULES)
    assert (tree["optim"]["lr"], tree["train"]["epochs"]) == (0.125, 2.0)
    lines = command(*words).stdout.splitlines()
    sections = [line.split()[0].rstrip(":") for line in lines if not line.startswith(" ")]
    assert tuple(sections) == cfg.SECTIONS
    assert "  lr              0.125" in lines


def test_overrides_work_from_python(capsys, monkeypatch, request):
    """`cli.main(words)` reads its own words, not those of the interpreter."""
    monkeypatch.chdir(request.config.rootpath)
    words = ["config", "--json", "--config.seed=7", "--noconfig.data.flip"]
    assert cli.main([*words, "--config", "configs/digits.py", "--config.data.area=(0.5,0.75)"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["seed"], tree["data"]["flip"], tree["data"]["area"]) == (7, False, [0.5, 0.75])


def test_describe(command):
    """A table for people, the same as JSON, and a list of the networks without a name."""
    table = command("describe", "googlenet").stdout
    rows = json.loads(command("describe", "googlenet", "--json").stdout)
    assert rows["name"] == "googlenet" and f"{rows['params']:,} parameters" in table
    assert all(row["name"] in table for row in rows["rows"])
    listed = command("describe").stdout.splitlines()
    assert any(line.split()[0] == "inception_v3" and "slim" in line for line in listed)


def test_describe_differences(capsys):
    """`--diff` takes two dialects of a network, or two networks."""
    assert cli.main(["describe", "inception_v4", "--diff", "paper", "slim"]) == 0
    out = capsys.readouterr().out
    assert "mixed_6b .. mixed_6h" in out and "drawn       true   ->  false" in out
    assert cli.main(["describe", "--diff", "googlenet:slim", "bn_inception:slim", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["totals"][0] == ["params", 6_617_624, 11_178_336]


def test_describe_draws(tmp_path, capsys):
    """`--svg` writes a well-formed drawing that names every row's kind."""
    from xml.etree import ElementTree

    path = tmp_path / "v4.svg"
    assert cli.main(["describe", "inception_v4", f"--svg={path}"]) == 0
    texts = [e.text for e in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert "mixed_6b … 6h (× 7)" in texts and "17×17 × 1,024" in texts and "7x1 256" in texts
    assert "aux_mixed_6h" in texts


@pytest.mark.parametrize(
    ("words", "says"),
    [(["gogglenet"], "did you mean 'googlenet'"), (["googlenet", "--width=0"], "--width=0: exp"),
     (["googlenet", "--width=wide"], "--width=wide"), (["googlenet", "--dialect=x"], "one of"),
     (["googlenet", "--image_size=5"], "layer"), (["googlenet", "b"], "got googlenet b"),
     (["googlenet", "--num_classes=-1"], "--num_classes=-1: expected a whole number of at least 0"),
     (["googlenet", "--diff", "paper", "slm"], "did you mean 'slim'"),
     (["googlenet", "--diff"], "NAME --diff DIALECT DIALECT"),
     (["googlenet", "paper", "slim", "torchvision", "--diff"], "torchvision"),
     (["--config.optim.lr=1"], "takes no config")],
)  # fmt: skip
def test_describe_refuses(words, says, capsys):
    """Names, numbers and sizes that no network can have."""
    assert cli.main(["describe", *words]) == 78
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "out"),
    [([], 78, "usage:"), (["help"], 0, "usage:"), (["help", "train"], 0, "--workdir"),
     (["--version"], 0, "0.")],
)  # fmt: skip
def test_first_words(words, code, out, capsys):
    """Without a command: the usage; `help train` is `train --help`."""
    try:
        found = cli.main(words)
    except SystemExit as e:
        found = e.code
    assert found == code
    assert out in capsys.readouterr().out


def test_an_interrupt_is_no_crash(monkeypatch, capsys):
    """Control-C ends with the shell's code for it and one line."""

    def interrupted(words):
        raise KeyboardInterrupt

    monkeypatch.setattr("inception_jax.cli.config.main", interrupted)
    assert cli.main(["config"]) == 130
    assert capsys.readouterr().err == "inception-jax config: interrupted\n"


def test_a_reader_that_has_seen_enough():
    """`inception-jax config --help | head -1` ends quietly."""
    line = f"{sys.executable} -m inception_jax config --help | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.stdout[:13], done.stderr) == ("inception-jax", "")


def flags() -> Flags:
    return (
        Flags("x", "doc").text("out", "a", "file").whole("top", 5, "rows", low=1)
        .number("rate", 1.0, "speed").switch("json", "JSON")
    )  # fmt: skip


def test_flags_values_and_words():
    """Flags may come in any order, with = or as two words; the rest are words."""
    f = flags()
    values = f.parse(["a.jpg", "--top", "3", "config.jpg", "--rate=2", "--json"], words=2)
    assert (values.out, values.top, values.rate, values.json) == ("a", 3, 2.0, True)
    assert f.words == ["a.jpg", "config.jpg"]


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--top=0"], "--top=0: expected a whole number of at least 1"), (["--rate=nan"], "=nan: exp"),
     (["--rate=inf"], "finite number"), (["--json=maybe"], "--json=maybe: expected true or false"),
     (["--out", "--json"], "--out=VALUE"), (["--top"], "--top: expected a whole number"),
     (["-top=3"], "write --top=3"), (["top=3"], "write --top=3"), (["a"], "left-over word 'a'"),
     (["--tip=3"], "did you mean --top")],
)  # fmt: skip
def test_flags_refuse(words, says):
    """Each message has the flag and what it expects."""
    with pytest.raises(ConfigError) as e:
        flags().parse(words)
    assert says in str(e.value)
