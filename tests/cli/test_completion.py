"""Tests `inception-jax completion` in the real shells."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from inception_jax import cli
from inception_jax import config as cfg
from inception_jax.cli import completion
from inception_jax.workdir import atomic

# What is typed, and what of it is offered; the folder has configs/ and runs/.
LINES = [
    ("da", ["data"]),
    ("data ", ["bench", "check", "prepare", "show"]),
    ("data check --j", ["--json"]),
    ("train --wo", ["--workdir="]),
    ("train --config=", ["--config=configs/mine.py", "--config=configs/other.py"]),
    ("train --config=configs/m", ["--config=configs/mine.py"]),
    ("train --config.em", ["--config.ema."]),
    ("train --config.optim.lr", ["--config.optim.lr=", "--config.optim.lr_every="]),
    ("train --config.optim.name=a", ["--config.optim.name=adam", "--config.optim.name=adamw"]),
    ("train --config.data.flip=f", ["--config.data.flip=false"]),
    ("train --config.model.dialect=tor", ["--config.model.dialect=torchvision"]),
    ("eval --workdir=ru", ["--workdir=runs/"]),
    ("eval --workdir=runs/", ["--workdir=runs/a", "--workdir=runs/more/"]),
    ("report runs/", ["runs/a", "runs/more/"]),
    ("describe googlenet_", ["googlenet_naive"]),
    ("import keras:xc", ["keras:xception"]),
    ("launch slurm --gpus=8 -- tr", ["train"]),
    ("launch sl", ["slurm"]),
    ("predict pho", ["photo.jpg"]),
    ("config --explain=optim.mo", ["--explain=optim.momentum"]),
    ("juggle --x", []),
]


@pytest.fixture(scope="module")
def topics():
    """What every script knows."""
    return completion.topics()


@pytest.fixture
def shell(tmp_path, monkeypatch, topics):
    """Writes the script of a shell and goes to a folder with files to complete; its path."""
    for name in ("configs/mine.py", "configs/other.py", "configs/a.txt", "runs/a/config.json",
                 "runs/more/b/config.json", "photo.jpg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "configs/__pycache__").mkdir()
    monkeypatch.chdir(tmp_path)

    def ready(name: str):
        if not shutil.which(name):
            message = f"needs {name}: apt-get install {name}"
            (pytest.fail if os.environ.get("INCEPTION_JAX_REQUIRE_ALL") else pytest.skip)(message)
        path = tmp_path / f"script.{name}"
        atomic.write_text(path, completion.script(name, topics))
        return path

    return ready


def test_bash(shell):
    """Each line's words; readline replaces what comes after `=` or `:`. All in milliseconds."""
    lines = "".join(
        f"COMP_LINE='inception-jax {line}'; COMP_POINT=${{#COMP_LINE}}; _inception_jax\n"
        f'printf "%s\\n" "${{COMPREPLY[@]}}" =====\n' for line, _ in LINES
    )  # fmt: skip
    code = f"source {shell('bash')}\nCOMP_WORDBREAKS=$' \\t\\n\"><=;|&(:'\nstart=$EPOCHREALTIME\n"
    code += f"{lines}echo $start $EPOCHREALTIME"
    done = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True)
    assert not done.stderr
    *found, times = done.stdout.split("=====\n")
    for (line, expected), words in zip(LINES, found, strict=True):
        typed = line.split(" ")[-1]
        head = typed[: max(typed.rfind("="), typed.rfind(":")) + 1]
        ends = [word if word[-1] in "=./" else f"{word} " for word in expected]
        assert sorted(words.split("\n")[:-1]) == sorted(e[len(head) :] for e in ends), line
    start, end = (float(word.replace(",", ".")) for word in times.split())
    assert (end - start) / len(LINES) < 0.1


def test_fish(shell):
    """Each line's words, with descriptions; all in milliseconds."""
    code = f"source {shell('fish')}\n" + "\n".join(
        f"complete -C 'inception-jax {line}'; echo =====" for line, _ in LINES
    )
    done = subprocess.run(["fish", "--no-config", "-c", code], capture_output=True, text=True)
    assert not done.stderr
    for (line, expected), words in zip(LINES, done.stdout.split("=====\n"), strict=False):
        assert [w.split("\t")[0] for w in words.splitlines()] == sorted(expected), line
    assert "--config.optim.lr=\tpeak of the learning rate" in done.stdout


def typed(words: list[str], setup: str, lines: list[str]) -> list[str]:
    """What an interactive shell makes of lines with a tab at their ends; ^X prints <<LINE>>."""
    terminal, inner = pty.openpty()  # not pty.fork: JAX has threads
    environment = {**os.environ, "TERM": "dumb", "PS1": "> ", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        words, stdin=inner, stdout=inner, stderr=inner, env=environment, start_new_session=True
    )
    os.close(inner)

    def read(until: bytes) -> str:
        data, end = b"", time.monotonic() + 20
        while until not in data and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                data += os.read(terminal, 65536)
        return data.decode()

    try:
        os.write(terminal, f"{setup}\necho rea''dy\n".encode())
        read(b"ready")
        found = []
        for line in lines:
            os.write(terminal, f"{line}\t\x18".encode())
            found.append(re.findall(r"<<(.*?)>>", read(b">>"))[-1])
        return found
    finally:
        os.close(terminal)
        process.kill()
        process.wait()


@pytest.mark.slow
def test_zsh(shell):
    """Lines of which one word is left are completed, as a user types them."""
    setup = (
        "autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' list-prompt ''\n"
        f"source {shell('zsh')}\n"
        "show() { print -r -- \"<<$BUFFER>>\"; BUFFER=; }; zle -N show; bindkey '^X' show"
    )
    one = [(line, words[0]) for line, words in LINES if len(words) == 1]
    one += [("train --config.optim.adam", "--config.optim.adam_lr=")]
    found = typed(["zsh", "-f", "-i"], setup, [f"inception-jax {line}" for line, _ in one])
    for (line, word), text in zip(one, found, strict=True):
        assert text.split(" ")[-2 if text.endswith(" ") else -1] == word, line
        assert text.endswith(" ") is (word[-1] not in "=./"), line


def test_the_scripts_know_every_command_flag_and_key(topics):
    """They are made from the help texts and the rules."""
    assert topics["commands"] == cli.COMMANDS
    assert {"--config=", "--config.", "--workdir=", "--allow_config_change"} <= set(
        topics["flags train"]
    )
    keys = [word for s in cfg.SECTIONS for word in topics[f"keys {s}"]]
    top = [word for word in topics["keys"] if word.endswith("=")]
    assert {*keys, *top} == {f"--config.{key}=" for key in cfg.RULES}
    assert "inception_v4" in topics["values model.name"]
    assert all("'" not in word and " " not in word for words in topics.values() for word in words)


def test_an_unknown_shell(capsys):
    """The known ones are named."""
    assert cli.main(["completion", "bsh"]) == 78
    assert "expected one of bash, zsh, fish; did you mean 'bash'?" in capsys.readouterr().err
