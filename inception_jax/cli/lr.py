"""inception-jax lr --config=PAGE [--steps=100] [--low=1e-6] [--high=10] [--out=FILE] [--json]

Finds a learning rate by Smith's range test (arXiv:1506.01186): trains the config for some steps at
a rate that rises exponentially from --low to --high times the page's optim.lr, prints the smoothed
loss by rate, and suggests the flag to use. Stops when the loss diverges. It trains a network of
its own, with the page's optimiser, data and checkpoint.init, and writes no run; --out writes the
curve, as .svg or .json.
"""  # noqa: D415

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError
from inception_jax.progress import Progress

if TYPE_CHECKING:
    from inception_jax.train.lr_range import RangeResult

ROWS, BAR = 24, 40  # of the table
WIDE, HIGH, LEFT, TOP = 640, 360, 60, 30  # of the picture


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("lr", __doc__).page().json()
    flags.whole("steps", 100, "steps of the test", low=20)
    flags.number("low", 1e-6, "first rate, times the page's optim.lr", low=1e-12)
    flags.number("high", 10.0, "last rate, times the page's optim.lr", low=1e-12)
    flags.path("out", "", "file for the curve: .svg or .json")
    values = flags.parse(argv)
    config, out = flags.config(), Path(values.out)
    if values.low >= values.high:
        raise ConfigError(f"--low={values.low:g}: expected less than --high={values.high:g}")
    if values.out and out.suffix not in (".svg", ".json"):
        raise ConfigError(f"--out={out}: expected a file named *.svg or *.json")
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    from inception_jax.train import lr_range
    from inception_jax.workdir import atomic

    lr, steps, bar = config.optim.lr, [], Progress(values.steps, label="lr")
    each = lr_range.losses(config, values.steps, values.low * lr, values.high * lr)
    for step in lr_range.smoothed(each):
        steps.append(step)
        bar.update(len(steps), {"rate": f"{step.lr:.2g}", "loss": f"{step.smoothed:.3f}"})
    bar.close()
    found = lr_range.result(steps, values.steps)
    data = found._asdict() | {"suggested": found.suggested, "page": lr}
    data["steps"] = [step._asdict() for step in found.steps]
    if values.out:
        content = svg(found) if out.suffix == ".svg" else json.dumps(data, indent=1)
        with atomic.naming(out):
            out.write_text(content, encoding="utf-8")
    flags.print(data, lambda: text(found, lr) + (f"\nwritten: {out}" if values.out else ""))


def text(found: "RangeResult", page: float) -> str:
    """A table of the smoothed loss by rate with bars, and the suggestion."""
    finite = found.steps
    high = max(step.smoothed for step in finite)
    low = min(step.smoothed for step in finite)
    every = max(1, math.ceil(len(finite) / ROWS))
    shown = finite[::-1][::every][::-1]
    marks = {nearest(shown, found.steepest): "steepest", nearest(shown, found.lowest): "lowest"}
    lines = ["     lr    loss"]
    for step in shown:
        bar = "█" * max(1, round(BAR * (step.smoothed - low) / max(high - low, 1e-9)))
        mark = marks.get(step.lr, "")
        lines.append(f"{step.lr:7.1e}  {step.smoothed:6.3f}  {bar:{BAR}}  {mark}".rstrip())
    end = f"diverged at {found.steps[-1].lr:.2g}; " if found.diverged else ""
    return "\n".join([
        *lines,
        f"{end}the loss falls fastest at {found.steepest:.2g} and is lowest at {found.lowest:.2g}",
        f"suggested: --config.optim.lr={found.suggested:g}, after a warm-up at most "
        f"{found.lowest:.2g}   (the page has {page:g})",
    ])  # fmt: skip


def nearest(steps: Sequence[Any], lr: float) -> float:
    """The rate of the step that is nearest to `lr`."""
    return min((step.lr for step in steps), key=lambda value: abs(math.log(value / lr)))


def svg(found: "RangeResult") -> str:
    """The losses by the logarithm of the rate: each in grey, their average, and the suggestion."""
    steps = found.steps
    first, last = math.log10(steps[0].lr), math.log10(steps[-1].lr)
    low = min(step.loss for step in steps)
    high = min(max(step.smoothed for step in steps), 2 * steps[0].smoothed)
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)

    def x(lr: float) -> float:
        return LEFT + (math.log10(lr) - first) / (last - first) * (WIDE - LEFT - 20)

    def y(loss: float) -> float:
        share = (min(max(loss, low), high) - low) / (high - low)
        return TOP + (1 - share) * (HIGH - TOP - 40)

    def line(values: list[float], colour: str, width: float) -> str:
        points = " ".join(f"{x(s.lr):.1f},{y(v):.1f}" for s, v in zip(steps, values, strict=True))
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    def label(at: float, height: float, words: str, anchor: str = "middle") -> str:
        return f'<text x="{at:.1f}" y="{height:.1f}" text-anchor="{anchor}">{words}</text>'

    at = x(found.suggested)
    bottom = HIGH - 40
    ticks = [
        label(x(10.0**e), bottom + 18, f"1e{e}") for e in range(math.ceil(first), int(last) + 1)
    ]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" '
        f'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>',
        line([s.loss for s in steps], "#bbb", 1),
        line([s.smoothed for s in steps], "#1f6fb4", 2),
        f'<path d="M{at:.1f} {TOP}V{bottom}" stroke="#c33" stroke-dasharray="4"/>',
        label(at, TOP - 8, f"suggested: {found.suggested:g}"),
        f'<path d="M{LEFT} {TOP}V{bottom}H{WIDE - 20}" fill="none" stroke="#555"/>',
        *ticks,
        *(label(LEFT - 6, y(v) + 4, f"{v:.2f}", "end") for v in (low, (low + high) / 2, high)),
        label((LEFT + WIDE) / 2, HIGH - 6, "learning rate"),
        label(LEFT, TOP - 8, "loss"),
        "</svg>\n",
    ])  # fmt: skip
