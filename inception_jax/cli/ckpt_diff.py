"""inception-jax ckpt diff A[@STEP] B[@STEP] [--top=20] [--json]

Compares the arrays of two checkpoints: params, batch_stats, opt_state and ema; of the newest good
ones of the runs A and B if no step is given. Names those that only one has or that have another
shape, and the largest difference in each of the others, absolute and over the array's largest
magnitude, the worst first. As diff(1), it ends with 0 when they are the same, bit by bit, and
with 1 when not.
"""  # noqa: D415

import collections
import json
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def main(argv: list[str]) -> int:
    """Runs the command."""
    flags = Flags("ckpt diff", __doc__ or "").whole("top", 20, "arrays to name; 0 for all")
    values = flags.switch("json", "print a JSON list of all of them").parse(argv, words=2)
    if len(flags.words) != 2:
        raise ConfigError("expected two, for example: inception-jax ckpt diff runs/a runs/b@1000")
    from inception_jax.checkpoint import difference, folder
    from inception_jax.cli.eval import place

    paths = []
    for word in flags.words:
        workdir, step = place(word, "ckpt diff")
        step = folder.good_step(workdir, step)
        paths.append(folder.of_run(workdir)[0] / str(step))
    rows = difference.rows(*paths)
    print(json.dumps(rows, indent=1) if values.json else _page(rows, paths, values.top))
    return 1 if rows else 0


def _page(rows: list[dict[str, Any]], paths: list[Any], top: int) -> str:
    lines = [f"A {paths[0]}", f"B {paths[1]}"]
    if not rows:
        return "\n".join([*lines, "the same, bit by bit"])
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
