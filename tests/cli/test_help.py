"""Tests `inception_jax/cli/__init__.py`: help, speed of import, first words, endings."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inception_jax import cli, launch
from inception_jax.cli import actions, examples

HEAVY = ("jax", "flax", "numpy", "orbax", "cv2", "tensorflow_datasets", "tensorflow")
# Text that each command's help must contain.
FLAGS = {
    "train": ["--config=PAGE", "--workdir=", "--config.SECTION.KEY=VALUE",
              "--allow_config_change", "--profile=N"],
    "probe": ["--workdir=DIR", "--row=", "--split=", "--shots=", "--step=N", "--json", "RUN/probe"],
    "lr": ["--config=PAGE", "--steps=N", "--low=X", "--high=X", "--out=", "1506.01186"],
    "eval": ["--workdir=DIR", "--split=", "--step=N", "--json", "--config.SECTION.KEY=VALUE",
             "--protocol=", "144crop", "--ensemble=", "DIR@STEP", "--subset=", "--without=",
             "--real=", "--outputs=", "--list=", "--fresh", "eval/log_probs"],
    "predict": ["--workdir=DIR", "--top=N", "(default 5)", "--step=N", "--features=", "--json",
                "--list"],
    "explain": ["--workdir=DIR", "--class=", "--row=", "--methods=", "--nearest=N", "--visualise=",
                "--seed=N", "--out=", "--json", "--step=N", "ROW:branches"],
    "fid": ["DIR_A DIR_B", "--workdir=", "--kid_subset_size=N", "(default 1000)", "--save=",
            "--json", "inception-jax import"],
    "describe": ["--dialect=", "--width=X", "--stem=", "--image_size=N", "--diff", "--svg",
                 "--pdf=", "--rows=", "--direction=",
                 "--json"],
    "import": ["--out=", "--normalization=", "--classes=", "--json"],
    "export": ["--workdir=DIR", "--to=", "--out=", "--endpoint=", "--step=N"],
    "config": ["--config=PAGE", "--json", "optim.lr ", "a finite number above 0"],
    "ckpt": ["ckpt ls", "ckpt verify", "ckpt diff", "ckpt ls --help"],
    "plan": ["--config=PAGE", "--devices=N", "--topology=", "--compare=", "--json", "virtual"],
    "launch": ["--print", "slurm ", "k8s ", "sky ", "xpk ", "tpu_vm", "local ", "retry", "78"],
    "sweep": ["sweep expand", "sweep launch", "sweep status", "sweep best", "sweep stop"],
    "data": ["data check", "data show", "data prepare", "data check --help"],
    "doctor": ["--config=PAGE", "--workdir=", "--json", "--compile", "--coordinator=",
               "--patience=X", "(default 60)"],
    "runs": ["runs ls", "runs ls --help"],
    "report": ["--out=", "--watch", "--port=N"],
    "completion": ["bash", "zsh", "fish", "fpath"],
}  # fmt: skip
ACTIONS = {
    "data": {
        "check": ["--config=PAGE", "--split=", "--json", "checksum"],
        "show": ["--config=PAGE", "--split=", "--out=", "--step=N"],
        "bench": ["--folder=", "--size=N", "--json"],
        "prepare": ["--out=", "--name=", "--shard_mb=N", "--manual_dir=", "--any_size",
                    "TensorFlow"],
    },
    "ckpt": {
        "ls": ["--verify", "--json", "unverified", "keep_every_epochs"],
        "verify": ["--step=N", "--json", "65", "bad-<step>"],
        "diff": ["--top=N", "--json", "A[@STEP]", "1 if not"],
    },
    "runs": {"ls": ["--sort=", "--json", "[FOLDER]"]},
    "sweep": {
        "expand": ["--config=PAGE", "--sweep=", "--search", "--dir=DIR", "def sweep_lr", "--json"],
        "launch": ["--on=", "--at_once=N", "--print", "--workers=N", "--storage=",
                   "def search(trial)"],
        "status": ["--json", "--reap"],
        "best": ["--json", "--config"],
        "resume": ["--on=", "--at_once=N", "resumes"],
        "stop": ["saves a checkpoint first"],
        "work": ["--worker=N", "75"],
    },
    "launch": {
        "local": ["--processes=N", "--crashes=N"],
        "slurm": ["--nodes=N", "--gpus=N", "--time=", "--lead=N", "--partition=", "--extra=",
                  "SIGTERM"],
        "k8s": ["--image=", "--tpu=", "--topology=", "--queue=", "--claim=", "JobSet"],
        "sky": ["--accelerator=", "--bucket=", "--on_demand", "spot"],
        "xpk": ["--cluster=", "--device=", "--image="],
        "tpu_vm": ["--device=", "--zone=", "--source=", "gcloud"],
        "retry": ["--code=N", "--job=", "--preemptions=N"],
    },
}  # fmt: skip
WORDS = [
    [], *([c] for c in FLAGS), *([c, a] for c, actions in ACTIONS.items() for a in actions)
]  # fmt: skip


def fastest(run, tries: int = 5) -> float:
    """Seconds of the fastest of some calls, on a machine that may be busy."""
    times = []
    for _ in range(tries):
        began = time.monotonic()
        run()
        times.append(time.monotonic() - began)
        if min(times) < 0.25:
            break
    return min(times)


def help_of(words, capsys):
    """The help text that `cli.main` prints for some words."""
    try:
        assert not cli.main([*words, "--help"])
    except SystemExit as e:
        assert e.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_help_explains_the_flags(words, capsys):
    """Every --help names each flag, in lines of at most 100 characters."""
    out = help_of(words, capsys)
    expected = ACTIONS[words[0]][words[1]] if words[1:] else FLAGS[words[0]] if words else FLAGS
    missing = [text for text in expected if text not in out]
    assert not missing and max(map(len, out.splitlines())) <= 100
    assert words or "exit codes" in out
    assert words == [] or f"example:\n  inception-jax {words[0]} " in out


def test_help_covers_every_command_and_action():
    """A new command or action must be listed here."""
    assert set(FLAGS) == set(cli.COMMANDS)
    names = {command: set(actions.names(command)) for command in actions.ACTIONS}
    names["launch"] = {*launch.ENGINES, "retry"}
    assert names == {command: set(rows) for command, rows in ACTIONS.items()}


def test_every_command_is_in_a_group():
    """With its description and its example; one without a group would be listed last."""
    groups = [name for names in cli.GROUPS.values() for name in names]
    assert sorted(groups) == sorted(cli.COMMANDS)
    out = cli.usage(with_examples=True)
    for name in cli.COMMANDS:
        assert f"    inception-jax {examples.EXAMPLES[name]}" in out
    assert "--topology" not in cli.usage(with_examples=False)


def test_a_command_without_a_group_is_listed_last(monkeypatch):
    """It is not lost."""
    monkeypatch.setitem(cli.COMMANDS, "juggle", "throw")
    assert re.search(r"more:\n  juggle +throw\n", cli.usage(with_examples=True))


FLAG = re.compile(r"--(\w+)")


@pytest.mark.parametrize("command", examples.EXAMPLES)
def test_examples_have_flags_of_their_commands(command, capsys):
    """Each flag of an example is in the help of its command; each page exists."""
    example = examples.EXAMPLES[command]
    assert example.split()[0] in cli.COMMANDS and example.startswith(command.split()[0])
    words = [w for w in example.partition(" -- ")[0].split() if not w.startswith("--")][:2]
    known = words if words[0] in ACTIONS else words[:1]
    out = help_of(known, capsys)
    own = example.partition(" -- ")[0].replace("--config.data.dir", "")
    assert {f"--{name}" for name in FLAG.findall(own)} <= set(re.findall(r"--\w+", out))
    for page in re.findall(r"configs/\w+\.py", example):
        assert (Path(__file__).resolve().parents[2] / page).is_file()


def loaded(code: str) -> set[str]:
    """The heavy packages that a fresh interpreter has imported after some code."""
    code += f"\nimport sys; print('HAS', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_help_imports_nothing_heavy():
    """No command or action imports JAX, or even numpy, to print its help."""
    code = f"""
from inception_jax.cli import main
for words in {WORDS}:
    try:
        main([*words, '--help'])
    except SystemExit:
        pass
"""
    assert not loaded(code)


@pytest.mark.parametrize("words", [[], ["train"], ["plan"]], ids=" ".join)
def test_help_is_quick(command, words):
    """A process that prints a help takes less than half a second."""
    assert fastest(lambda: command(*words, "--help")) < 0.5


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


@pytest.mark.parametrize(
    ("words", "code", "out"),
    [([], 78, "to begin with"), (["help"], 0, "usage:"), (["help", "train"], 0, "--workdir"),
     (["--version"], 0, "0."), (["help", "data", "check"], 0, "checksum")],
)  # fmt: skip
def test_first_words(words, code, out, capsys):
    """Without a command: the usage, and how to begin; `help train` is `train --help`."""
    try:
        result = cli.main(words)
    except SystemExit as e:
        result = e.code
    assert result == code and out in capsys.readouterr().out


def test_an_interrupt_is_no_crash(monkeypatch, capsys):
    """Control-C ends with the shell's code for it and one line."""

    def interrupted(words):
        raise KeyboardInterrupt

    monkeypatch.setattr("inception_jax.cli.config.main", interrupted)
    assert cli.main(["config"]) == 130
    assert capsys.readouterr().err == "inception-jax config: interrupted\n"


def test_a_closed_pipe():
    """`inception-jax config --help | head -1` ends quietly."""
    line = f"{sys.executable} -m inception_jax config --help | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.stdout[:13], done.stderr) == ("inception-jax", "")
