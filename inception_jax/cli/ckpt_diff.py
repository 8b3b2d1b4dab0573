"""inception-jax ckpt diff A[@STEP] B[@STEP] [--top=20] [--json]

Compares the arrays of two checkpoints: params, batch_stats, opt_state and ema; without a step, of
the newest good checkpoints of the runs A and B. Lists arrays that only one has or whose shapes
differ, and for each other array the largest difference, absolute and relative to the array's
largest magnitude, largest first. As diff(1), it exits with 0 if all are bit-identical, 1 if not.
"""  # noqa: D415

import collections
from pathlib import Path
from typing import Any

from inception_jax.cli.eval import run_and_step
from inception_jax.cli.flags import Flags


def main(argv: list[str]) -> int:
    """Runs the command."""
    flags = Flags("ckpt diff", __doc__).arguments("two runs", "runs/a runs/b@1000", 2, 2).json()
    values = flags.whole("top", 20, "arrays to list; 0 for all").parse(argv)
    from inception_jax.runtime import startup

    startup.start(platforms="cpu")
    from inception_jax.checkpoint import difference, folder

    paths = [folder.good_step(*run_and_step(word, "ckpt diff")) for word in flags.words]
    rows = difference.rows(*paths)
    flags.print(rows, lambda: _text(rows, paths, values.top), indent=1)
    return 1 if rows else 0


def _text(rows: list[dict[str, Any]], paths: list[Path], top: int) -> str:
    lines = [f"A {paths[0]}", f"B {paths[1]}"]
    if not rows:
        return "\n".join([*lines, "bit-identical"])
    counts = collections.Counter((row["section"], row["what"]) for row in rows)
    lines += [f"{section}: {n:,} arrays, {what}" for (section, what), n in sorted(counts.items())]
    shown = rows[: top or None]
    for row in shown:
        what = row["what"]
        if what == "values":
            what = f"max abs {row['max_abs']:.3g}, relative {row['max_rel']:.3g}"
        elif what == "shape":
            what = " and ".join(row["shapes"])
        lines.append(f"  {row['name']}: {what}")
    return "\n".join(lines + [f"  and {len(rows) - len(shown):,} more"] * (len(rows) > len(shown)))
