"""What to change where a step does not fit, and whether a host feeds it."""

from typing import Any

from inception_jax.plan.text import size

# Temporaries with train.recompute over those without, least and most of Inception-v3, v4 and
# Inception-ResNet-v2, `rows` of the last two (v5e, bfloat16, 128 images; experiments/speed).
SHARES = {"lean": (0.58, 0.82), "rows": (0.44, 0.48)}


def of(config: Any, found: dict[str, Any]) -> str:
    """The error of a plan that does not fit: what is needed, and what to try, nearest first.

    The figures of what is tried are shares of what the compiler said was needed; `plan` with them
    compiles and tells.
    """
    needed, capacity = found["needed"], found["capacity"]
    num_shards = found["devices"]["mesh"]["data"]
    each = config.data.batch_size // num_shards
    over = needed / capacity if capacity else 2.0
    amounts = (
        f"expected at most {size(capacity)} on a device, the compiler needs {size(needed)}"
        if capacity
        else "the compiler ran out of a device's memory and does not say by how much"
    )
    lines = [f"it does not fit: {amounts} for {each} images on each of {num_shards}"]
    if config.train.recompute == "none":
        for policy, (low, high) in SHARES.items():
            fits = "may be enough" if over * low < 0.95 else "is not enough alone"
            fits = "should be enough" if over * high < 0.95 else fits
            lines.append(
                f"  --config.train.recompute={policy}: {low:.0%} to {high:.0%} of it, {fits}"
            )
    if config.model.dtype == "float32":
        lines.append("  --config.model.dtype=bfloat16 takes about half")
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


def of_input(found: dict[str, Any], bench: dict[str, Any]) -> dict[str, Any]:
    """Whether hosts as one that was measured keep up with the step at its fastest."""
    wanted = found["step"]["images_per_s"][1] / found["devices"]["hosts"]
    share = bench["images_per_s"] / wanted
    return {**bench, "wanted": wanted, "share": share, "enough": share >= 1}
