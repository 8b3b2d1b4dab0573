"""Suggest changes for a step that does not fit, and check a host's input rate."""

from typing import Any

from inception_jax.config import Config
from inception_jax.plan import chips
from inception_jax.plan.text import size

MOST = 0.95  # share of a GPU's memory that a process may take if nothing else uses it
# Temporaries with train.recompute relative to those without, lowest and highest of Inception-v3, v4
# and Inception-ResNet-v2; `rows` of the last two (v5e, bfloat16, 128 images; experiments/speed).
SHARES = {"lean": (0.58, 0.82), "rows": (0.44, 0.48)}


def of(config: Config, plan: dict[str, Any]) -> str:
    """Returns the error of a plan that does not fit, with changes to try.

    The suggestions are estimates, scaled from the compiler's figure; planning with them checks.
    """
    needed, capacity = plan["needed"], plan["capacity"]
    num_shards = plan["devices"]["mesh"]["data"]
    each = config.data.batch_size // num_shards
    over = needed / capacity if capacity else 2.0
    amounts = (
        f"expected at most {size(capacity)} on a device, the compiler needs {size(needed)}"
        if capacity
        else "the compiler ran out of a device's memory and gives no amount"
    )
    lines = [f"it does not fit: {amounts} for {each} images on each of {num_shards}"]
    if config.train.recompute == "none":
        for policy, (low, high) in SHARES.items():
            fits = "may be enough" if over * low < 0.95 else "is not enough alone"
            fits = "should be enough" if over * high < 0.95 else fits
            lines.append(
                f"  --config.train.recompute={policy}: {low:.0%} to {high:.0%} of that, {fits}"
            )
    if config.model.dtype == "float32":
        lines.append("  --config.model.dtype=bfloat16: about half of that")
    chip = chips.of_kind(plan["devices"].get("kind", ""))
    if chip and capacity < needed < MOST * chip.memory:
        lines.append(f"  XLA_PYTHON_CLIENT_MEM_FRACTION={MOST}: so much of {size(chip.memory)}")
    fewer = int(each / over * 0.95)
    step = 8 if fewer >= 8 else 1
    fewer -= fewer % step
    if fewer:
        lines.append(
            f"  --config.data.batch_size={fewer * num_shards} ({fewer} images on each), or "
            f"the same batch on {num_shards * -(-each // fewer)} devices"
        )
        parts = -(-each // fewer)
        while each % parts:
            parts += 1
        lines.append(f"  --config.optim.accumulate={parts}, the same batch in {parts} parts")
    return "\n".join(lines)


def of_input(plan: dict[str, Any], bench: dict[str, Any]) -> dict[str, Any]:
    """Compares the measured input rate of a host with the fastest estimate of the step."""
    wanted = plan["step"]["images_per_s"][1] / plan["devices"]["hosts"]
    share = bench["images_per_s"] / wanted
    return {**bench, "wanted": wanted, "share": share, "enough": share >= 1}
