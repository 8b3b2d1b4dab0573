"""TPU VMs: a `gcloud` script that creates a slice, installs, and runs on all of its hosts."""

import shlex
from pathlib import Path

from inception_jax.errors import ConfigError
from inception_jax.launch import rendering, tool
from inception_jax.launch.spec import CRASHES, NAME_, NEW_TOKEN, PREEMPTIONS, SETUP, Flag, JobSpec
from inception_jax.runtime.rendezvous.protocol import TOKEN

HELP = "a TPU VM slice, through a gcloud script"
FLAGS = (
    NAME_, PREEMPTIONS, CRASHES, SETUP,
    Flag("device", "", "accelerator type, such as v5litepod-32"),
    Flag("zone", "", "Google Cloud zone"),
    Flag("project", "", "Google Cloud project"),
    Flag("version", "v2-alpha-tpuv5-lite", "runtime version of the VMs"),
    Flag("on_demand", False, "an on-demand instead of a spot slice"),
    Flag("source", "", "git URL of this repository or a fork, which the hosts clone"),
)  # fmt: skip


def render(spec: JobSpec) -> dict[str, str]:
    """Render the script."""
    o = spec.options
    if spec.array or spec.worker:
        raise ConfigError("a sweep needs a scheduler: expected --on=local, slurm, k8s or sky")
    source = "GIT_URL, which the hosts clone and install"
    spec.require_options(device="v5litepod-32", zone="us-west4-a", source=source)
    # The clone contains configs/, so a relative --config is found.
    clone = f"rm -rf code && git clone -q {shlex.quote(o['source'])} code"
    install = f"{clone} && pip install -q -e 'code[tpu]'"
    words = shlex.join(spec.commands[0])
    program = (
        f"cd code && inception-jax {words} --distributed; "
        "code=$?; echo $code >../code.txt; exit $code"
    )
    script = rendering.template(
        "tpu_vm.sh", spec=spec, zone=shlex.quote(o["zone"]),
        project=o["project"] and shlex.quote(o["project"]),
        device=shlex.quote(o["device"]), version=shlex.quote(o["version"]),
        spot=not o["on_demand"], words=shlex.quote(words),
        install=shlex.quote("\n".join(filter(None, [spec.setup, install]))),
        new_token=NEW_TOKEN, token=TOKEN,
        program=shlex.quote("\n".join(filter(None, [spec.setup, program]))),
    )  # fmt: skip
    return {"tpu_vm.sh": script}


def submit(spec: JobSpec, files: dict[str, Path]) -> str:
    """Run the script until the job ends; a failed job is a ConfigError too."""
    tool.require("gcloud")
    tool.run("bash", str(files["tpu_vm.sh"]), show=True)
    return spec.name
