"""Tests what each engine is handed: what launch/examples show, and that it parses."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from inception_jax.launch import local, slurm
from inception_jax.launch.spec import JobSpec
from tests.conftest import ROOT
from tests.launch.examples import EXAMPLES, FOLDER, example, rendered


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """From the repository."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_what_is_rendered(name):
    """To be read, and to be copied by who has no Python at hand."""
    assert example(name) == (FOLDER / name).read_text(), "python -m tests.launch.examples"


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.endswith(("sh", "sbatch"))])
def test_scripts_parse(name):
    """bash reads them."""
    text = rendered(EXAMPLES[name])
    assert subprocess.run(["bash", "-n"], input=text, text=True).returncode == 0


@pytest.mark.parametrize("engine", ["slurm", "local", "xpk", "k8s"])
def test_words_survive_quoting(engine, tmp_path):
    """Blanks, quotes and dollars in a path arrive as they were."""
    odd = str(tmp_path / 'it\'s $HOME; $(A) 100% "a b"')
    flags = {
        "xpk": "--cluster=c --device=d --image=i",
        "k8s": f"--image=i --claim=c:{tmp_path}",
    }.get(engine, "")
    command = ["--", "train", "--config=configs/digits.py", f"--workdir={odd}"]
    text = rendered(f"{engine} --name=odd {flags}", command)
    if engine == "k8s":
        pod = yaml.safe_load(text)["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
        odd = odd.replace("$(", "$$(")
        assert f"--workdir={odd}" in pod["spec"]["containers"][0]["command"]
        return
    show = 'python3 -c "import json,sys; print(json.dumps(sys.argv[1:]))"'
    text = text.replace("inception-jax train", f"{show} train")
    if engine == "slurm":
        text = text.split("# A task that")[0] + f'{show} "${{command[@]}}"\n'
    if engine == "xpk":
        text = text.replace("xpk workload create", show)
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True)
    words = json.loads(done.stdout)
    if engine == "xpk":
        (line,) = [w for w in words if w.startswith("--command=")]
        words = shlex.split(line.removeprefix("--command="))
    assert f"--workdir={odd}" in words, done


def test_k8s_exit_codes():
    """75 and evictions are not counted, 65, 74 and 78 end the set, the rest is counted."""
    spec = yaml.safe_load(rendered(EXAMPLES["k8s_gpu.yaml"] + " --crashes=3"))["spec"]
    assert spec["failurePolicy"]["maxRestarts"] == 3
    job = spec["replicatedJobs"][0]["template"]["spec"]
    rules = {
        (r["action"], *r.get("onExitCodes", {}).get("values", ["gone"]))
        for r in job["podFailurePolicy"]["rules"]
    }
    assert rules == {("FailJob", 65, 74, 78), ("Ignore", 75, 143), ("Ignore", "gone")}
    assert job["backoffLimit"] == 0 and job["completions"] == job["parallelism"] == 8
    command = job["template"]["spec"]["containers"][0]["command"]
    assert "--coordinator=v3-workers-0-0.v3:6666" in command and "--processes=8" in command


def test_one_machine_is_no_cluster():
    """Without siblings there is no coordinator."""
    assert "--coordinator" not in rendered("k8s --image=i --claim=c:/runs --gpus=8")
    assert "--coordinator" not in rendered("sky --accelerator=H100:8 --bucket=gs://b:/runs")
    assert "--coordinator" not in rendered("local")


def test_setup_comes_first_and_execs():
    """Shell lines of the user, and then the program itself: signals are for it."""
    setup = "--setup='module load cuda'"
    text = rendered(f"k8s --image=i --claim=c:/runs {setup}")
    assert "module load cuda\nexec inception-jax train" in text.replace("                ", "")
    assert "module load cuda\n" in rendered(f"slurm {setup}")
    assert "module load cuda" in rendered(f"sky --bucket=gs://b:/runs {setup}")


def test_a_slice_is_made_and_started_again(tmp_path):
    """The gcloud script with machines that are folders: 75 goes on, a lost slice is made anew."""
    tools = {
        "gcloud": """words="$*"
case "$words" in
  *describe*) [ -e slice ] && echo READY ;;
  *delete*) rm -rf slice ;;
  *create*)
    said=$(head -n1 refusals 2>/dev/null); [ -z "$said" ] || sed -i 1d refusals
    [ -z "$said" ] || { echo "$said" >&2; exit 1; }
    mkdir slice; echo created >>log ;;
  *ssh*) cd slice && bash -c "${words##*--command=}" ;;
esac""",
        "git": "mkdir code",
        "pip": "true",
        "sleep": "true",
        "inception-jax": f"""[ "$1" = train ] || exec {sys.executable} -m inception_jax "$@"
echo "$*" >>{tmp_path}/log
code=$(head -n1 {tmp_path}/codes); sed -i 1d {tmp_path}/codes
[ "$code" = gone ] && rm -rf {tmp_path}/slice && exit 255
exit "$code\"""",
    }
    (tmp_path / "bin").mkdir()
    for name, text in tools.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    command = ["--", "train", "--config=configs/digits.py", f"--workdir={tmp_path}/run"]
    script = rendered(EXAMPLES["tpu_vm.sh"], command)
    env = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    full, wrong = "There is no more capacity in the zone", "Failed to find attribute [project]"
    for codes, refusals, starts, slices, code in (
        ("75 gone 75 0", [], 4, 2, 0),
        ("75 78 0", [], 2, 1, 1),
        ("1 1 0", [], 2, 1, 1),  # without a checkpoint in between
        ("0", [full, full], 1, 1, 0),
        ("0", [full, wrong], 0, 0, 1),  # would be refused for ever
    ):
        for old in ("slice", "run", "log"):
            subprocess.run(["rm", "-rf", tmp_path / old], check=True)
        (tmp_path / "log").touch()
        (tmp_path / "refusals").write_text("".join(f"{line}\n" for line in refusals))
        (tmp_path / "codes").write_text(codes.replace(" ", "\n") + "\n")
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=env,
            timeout=60,
            capture_output=True,
            text=True,
        )
        log = (tmp_path / "log").read_text()
        found = done.returncode, log.count("train --config"), log.count("created")
        assert found == (code, starts, slices), (codes, refusals)
        assert ("is still paid for" in done.stdout) == (slices > 0)


@pytest.mark.parametrize(
    ("numbers", "text"), [((0,), "0"), (range(9), "0-8"), ((0, 1, 3, 5, 6, 7), "0-1,3,5-7")]
)
def test_ranges(numbers, text):
    """A thousand trials fit into a line."""
    assert slurm.ranges(numbers) == text


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [("90", 5400), ("1:30", 90), ("24:00:00", 86400), ("2-00", 172800), ("1-02:03:04", 93784)],
)
def test_time_limits(limit, seconds):
    """As sbatch reads them."""
    assert slurm.seconds(limit) == seconds


@pytest.mark.parametrize(("given", "found"), [(None, "glibc.malloc.hugetlb=1"), ("", "")])
def test_huge_pages(given, found, monkeypatch):
    """The processes of this machine get them, unless the user has a value of their own."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if given is not None:
        monkeypatch.setenv("GLIBC_TUNABLES", given)
    spec = JobSpec((("train",),), Path("runs"), "a", gpus=2)
    environment = local._Crew(spec, print).environment(1)
    assert environment["GLIBC_TUNABLES"] == found
    assert environment["CUDA_VISIBLE_DEVICES"] == "2,3"
    example = (FOLDER / "local.sh").read_text().splitlines()[1]
    shown = subprocess.run(
        ["bash", "-c", f"{example}; echo $GLIBC_TUNABLES"], capture_output=True, text=True
    )
    assert shown.stdout.strip() == found
