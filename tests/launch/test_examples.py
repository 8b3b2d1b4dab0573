"""Tests the files in launch/examples, and what rendered jobs of all engines have in common."""

import json
import re
import shlex
import subprocess

import pytest
import yaml

from inception_jax.runtime.rendezvous.protocol import TOKEN
from tests.launch.examples import EXAMPLES, FOLDER, example, rendered


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_what_is_rendered(name):
    """They are up to date; `python -m tests.launch.examples` writes them."""
    assert example(name) == (FOLDER / name).read_text(), "python -m tests.launch.examples"


@pytest.mark.parametrize("name", EXAMPLES)
def test_variables_of_nccl_reach_the_program(name, monkeypatch):
    """The launching shell's, on every engine, before the command; not XLA_FLAGS."""
    monkeypatch.setenv("NCCL_SOCKET_IFNAME", "=eth0")
    monkeypatch.setenv("NCCL_DEBUG", "INFO")
    text = "\n".join(line.strip() for line in rendered(EXAMPLES[name]).splitlines())
    before, exports, after = text.rpartition(
        "export NCCL_DEBUG=INFO\nexport NCCL_SOCKET_IFNAME==eth0\n"
    )
    assert exports and "train --config" in after and "XLA_FLAGS" not in before + after


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.endswith(("sh", "sbatch"))])
def test_scripts_parse(name):
    """bash accepts their syntax."""
    text = rendered(EXAMPLES[name])
    assert subprocess.run(["bash", "-n"], input=text, text=True).returncode == 0


@pytest.mark.parametrize("engine", ["slurm", "local", "xpk", "k8s"])
def test_words_survive_quoting(engine, tmp_path):
    """Spaces, quotes and dollars in a path reach the program unchanged."""
    path = str(tmp_path / 'it\'s $HOME; $(A) 100% "a b"')
    flags = {
        "xpk": "--cluster=c --device=d --image=i",
        "k8s": f"--image=i --claim=c:{tmp_path}",
    }.get(engine, "")
    command = ["--", "train", "--config=configs/digits.py", f"--workdir={path}"]
    text = rendered(f"{engine} --name=odd {flags}", command)
    if engine == "k8s":
        pod = yaml.safe_load(text)["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
        path = path.replace("$(", "$$(")
        assert f"--workdir={path}" in pod["spec"]["containers"][0]["command"]
        return
    show = 'python3 -c "import json,sys; print(json.dumps(sys.argv[1:]))"'
    text = text.replace("inception-jax train", f"{show} train")
    if engine == "slurm":
        text = text.split("# No --kill-on-bad-exit")[0] + f'{show} "${{command[@]}}"\n'
    if engine == "xpk":
        text = text.replace("xpk workload create", show)
    result = subprocess.run(["bash", "-c", text], capture_output=True, text=True)
    words = json.loads(result.stdout)
    if engine == "xpk":
        (line,) = [w for w in words if w.startswith("--command=")]
        words = shlex.split(line.removeprefix("--command="))
    assert f"--workdir={path}" in words, result


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.endswith(("sh", "sbatch"))])
def test_scripts_make_a_token(name):
    """A new one at each start: the processes prove with it that they belong together."""
    (line,) = [x for x in example(name).splitlines() if x.strip().startswith(TOKEN)]
    words = ["bash", "-c", f"set -eu; {line}; env | grep {TOKEN}="]
    made = [subprocess.run(words, capture_output=True, text=True).stdout for _ in range(2)]
    assert all(re.fullmatch(f"{TOKEN}=[0-9a-f]{{32}}\n", m) for m in made) and made[0] != made[1]


def test_one_machine_has_no_coordinator():
    """Only jobs of several processes get the --coordinator flag."""
    assert "--coordinator" not in rendered("k8s --image=i --claim=c:/runs --gpus=8")
    assert "--coordinator" not in rendered("sky --accelerator=H100:8 --bucket=gs://b:/runs")
    assert "--coordinator" not in rendered("local")


def test_setup_comes_first_and_execs():
    """--setup precedes the command, which is started with exec: it receives the signals."""
    setup = "--setup='module load cuda'"
    text = rendered(f"k8s --image=i --claim=c:/runs {setup}")
    assert "module load cuda\nexec inception-jax train" in text.replace("                ", "")
    assert "module load cuda\n" in rendered(f"slurm {setup}")
    task = yaml.safe_load(rendered(f"sky --bucket=gs://b:/runs {setup}"))
    assert task["setup"].startswith("module load cuda\npip install")
    assert task["run"].startswith("module load cuda\ninception-jax train")  # another shell
