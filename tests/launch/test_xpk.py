"""Tests `launch/xpk.py`: restart codes, and TPU slices against GPU nodes."""

import shlex

from tests.launch.examples import EXAMPLES, rendered


def flags_of(name):
    """The flags of the rendered `xpk workload create`."""
    words = shlex.split(rendered(EXAMPLES[name]).partition("xpk workload create")[2])
    return dict(w.removeprefix("--").partition("=")[::2] for w in words if w.strip())


def test_fatal_codes_are_not_restarted():
    """75, a crash and a lost process are; 65, 74 and 78 end the workload."""
    assert flags_of("xpk_tpu.sh")["restart-on-exit-codes"] == "1,70,75"


def test_slices_and_nodes():
    """--nodes counts slices of TPUs, but machines of GPUs."""
    tpu, gpu = flags_of("xpk_tpu.sh"), flags_of("xpk_gpu.sh")
    assert tpu["num-slices"] == "1" and "num-nodes" not in tpu
    assert gpu["num-nodes"] == "8" and "num-slices" not in gpu
    assert "; exec inception-jax train" in gpu["command"] and "--distributed" in gpu["command"]
