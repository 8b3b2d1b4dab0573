"""Renders launch/examples: `python -m tests.launch.examples` rewrites them; review the diff."""

import contextlib
import io
import shlex

from inception_jax import cli
from tests.conftest import ROOT

FOLDER = ROOT / "launch/examples"
TRAIN = ["--", "train", "--config=configs/inception_v3.py", "--workdir=/runs/v3"]
EXAMPLES = {
    # file: engine and flags
    "slurm.sbatch": "slurm --nodes=8 --gpus=8 --cpus=32 --time=24:00:00 --partition=gpu "
    "--python=.venv/bin/python",
    "k8s_gpu.yaml": "k8s --nodes=8 --gpus=8 --image=REGISTRY/inception-jax:1 --claim=runs:/runs "
    "--queue=team-a",
    "k8s_tpu.yaml": "k8s --nodes=8 --tpu=tpu-v5-lite-podslice --topology=4x8 "
    "--image=REGISTRY/inception-jax:1 --claim=runs:/runs",
    "sky_gpu.yaml": "sky --nodes=8 --accelerator=H100:8 --bucket=gs://my-runs:/runs",
    "sky_tpu.yaml": "sky --accelerator=tpu-v5litepod-32 --version=v2-alpha-tpuv5-lite "
    "--install=.[tpu] --infra=gcp --bucket=gs://my-runs:/runs",
    "xpk_tpu.sh": "xpk --cluster=v5e-pool --device=v5litepod-32 --image=REGISTRY/inception-jax:1",
    "xpk_gpu.sh": "xpk --cluster=h100-pool --device=h100-80gb-8 --nodes=8 "
    "--image=REGISTRY/inception-jax:1",
    "tpu_vm.sh": "tpu_vm --device=v5litepod-32 --zone=us-west4-a --source=GIT_URL",
    "local.sh": "local --processes=2",
}


def rendered(flags: str, command: list[str] = TRAIN) -> str:
    """The output of --print."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert cli.main(["launch", *shlex.split(flags), "--print", *command]) == 0
    return out.getvalue()


def example(name: str) -> str:
    """The text of an example, independent of the machine."""
    return rendered(EXAMPLES[name]).replace(str(ROOT), "/home/me/inception_jax")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name in EXAMPLES:
        (FOLDER / name).write_text(example(name), encoding="utf-8")
