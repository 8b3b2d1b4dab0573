"""inception-jax eval --workdir=DIR [--split=test] [--step=N] [--config.data.dir=...] [--json]

Evaluates a run's newest checkpoint (its averaged weights, where it keeps them) on a whole split,
each image once: top-1, top-5, loss, expected calibration error, and the classes with most errors.
Writes DIR/eval/SPLIT.json and .npz, which the report is drawn from.
"""  # noqa: D415

import json
from pathlib import Path

from inception_jax.cli.flags import Flags


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("eval", __doc__ or "").run("directory of the run")
    flags.text("split", "", "split to evaluate; the config's eval.split if not given")
    flags.whole("step", None, "step to evaluate; the newest if not given")
    flags.switch("json", "print JSON")
    values = flags.parse(argv)
    config, workdir = flags.config(), Path(values.workdir)
    from inception_jax import runtime

    runtime.start(config.model.dtype)
    import jax

    from inception_jax import checkpoint, job, mesh
    from inception_jax.evaluate import Evaluator

    devices = mesh.make(config.mesh.data, config.mesh.model)
    model = job.build_model(config.model)
    evaluator = Evaluator(config, model, devices, values.split or config.eval.split)
    step, variables = checkpoint.load(workdir, values.step)
    result = evaluator.run(jax.device_put(variables, mesh.replicated(devices)))
    epoch = job.epoch_of(config, step)
    path = evaluator.save(workdir, result, variables, step, epoch)
    numbers = {"split": evaluator.split, "step": step, **result.sums.compute()}
    numbers["unreadable"] = len(result.bad)
    if values.json:
        print(json.dumps({**numbers, "per_class": result.sums.per_class()}))
        return
    print(
        f"{workdir}, step {step}, {evaluator.split}: {numbers['count']:,} images\n"
        f"top1 {numbers['top1']:.2%}   top5 {numbers['top5']:.2%}   loss {numbers['loss']:.4f}   "
        f"ECE {numbers['ece']:.2%}"
    )
    for name, reason in result.bad.items():
        print(f"unreadable {name}: {reason}")
    classes = sorted(result.sums.per_class(), key=lambda row: (row["top1"] is None, row["top1"]))
    names = evaluator.source.classes
    width = max(len(names[r["class"]]) for r in classes[:10])
    print("\nclasses with most errors:")
    for row in classes[:10]:
        if row["top1"] is not None:
            print(f"  {names[row['class']].ljust(width)}  {row['top1']:7.2%} of {row['count']}")
    print(f"\nwritten to {path}")
