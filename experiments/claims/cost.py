"""What a claim costs on ImageNet-1k at full width, by `plan` of its first arm."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().with_name("page.py")
TOPOLOGY, DEVICES = "v5e-8", "eight TPU v5e"


def of_a_run(name: str) -> dict[str, Any]:
    """The hours of one run, at best and at worst; needs `.[tpu]`, and minutes."""
    words = ["plan", f"--config={PAGE}:claim={name},on=imagenet", f"--topology={TOPOLOGY}"]
    command = [sys.executable, "-m", "inception_jax", *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    recipe = json.loads(done.stdout)["recipe"]
    return {"epochs": recipe["epochs"], "hours": recipe["hours"]}
