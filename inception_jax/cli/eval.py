"""inception-jax eval --workdir=DIR [--protocol=144crop] [--ensemble=DIR,DIR@STEP] [--json]

Evaluates a run's newest checkpoint (its averaged weights, where it keeps them) on a whole split,
each image once: top-1 and top-5 error beside the paper's, loss, expected calibration error, and the
classes with most errors. Writes DIR/eval/SPLIT.json and .npz, which the report is drawn from;
SPLIT-PROTOCOL.json for another protocol than the page's.

Protocols: page (the config's own centre), slim, torchvision, 10crop, 12crop, 144crop. Each takes
the mean of the softmax over its views, then over the models: those of --ensemble, and further words
of the line, are workdirs, or one of their checkpoints (DIR@STEP), of any network and input size.

What is done is kept in DIR/eval/kept: killed or stopped (Ctrl-C, SIGTERM: exit code 75), the same
command continues, and an ensemble takes what its members have done already.
"""  # noqa: D415

import json
from functools import partial
from pathlib import Path
from typing import Any

from inception_jax.cli import pages, paper_table, views
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

MOST = 100  # networks of an ensemble
PROTOCOLS = ("page", "slim", "torchvision", "10crop", "12crop", "144crop")
Run = tuple[Path, int | None, Any]  # workdir, step, config


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("eval", __doc__ or "").run("directory of the run")
    flags.text("split", "", "split to evaluate; the config's eval.split if not given")
    flags.whole("step", None, "step to evaluate; the newest if not given")
    flags.text("protocol", "page", "page, slim, torchvision, 10crop, 12crop or 144crop")
    flags.text("ensemble", "", "further workdirs, or DIR@STEP, separated by commas")
    flags.text("subset", "", "file of the images to evaluate: names, or ImageNet validation ids")
    flags.text("without", "", "file of the images to leave out, such as the official blacklist")
    flags.text("real", "", "real.json, the ReaL labels, to count with as well")
    flags.text(
        "outputs",
        "",
        "file with the class of each output, for networks that have as many",
    )
    flags.text("list", "", "print the views of an image of WIDTHxHEIGHT, and evaluate nothing")
    flags.switch("fresh", "do everything again, whatever is kept")
    flags.switch("json", "print JSON")
    flags.cluster()
    values = flags.parse(argv, words=MOST)
    config = flags.config()
    if values.protocol not in PROTOCOLS:
        raise ConfigError(f"--protocol={values.protocol}: expected one of {', '.join(PROTOCOLS)}")
    if values.list:
        views.show(config, values.protocol, values.list, values.json)
        return
    words = [*filter(None, values.ensemble.split(",")), *flags.words]
    others = [(path, step, pages.of_run(str(path))) for path, step in map(place, words)]
    from inception_jax.runtime.signals import Interrupt
    from inception_jax.workdir import run_dir

    flags.join(run_dir.notes(config, Path(values.workdir)))
    with Interrupt() as interrupt:
        found = _evaluate([(Path(values.workdir), values.step, config), *others], values, interrupt)
    if found is None:  # another process has it
        return
    print(json.dumps(found) if values.json else paper_table.page(found))


def place(word: str, of: str = "--ensemble") -> tuple[Path, int | None]:
    """The workdir and the step of `DIR` or `DIR@STEP`.

    Raises:
        ConfigError: the step is no number.
    """
    path, at, step = word.rpartition("@")
    if not at or Path(word).is_dir():
        return Path(word), None
    if not step.isdecimal():
        raise ConfigError(f"{of}: expected DIR or DIR@STEP, a whole number, got {word!r}")
    return Path(path), int(step)


def _evaluate(runs: list[Run], values: Any, interrupt: Any) -> dict[str, Any] | None:
    """Looks, writes the files, and says what was found; None where another process does."""
    workdir, _, config = runs[0]
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    import jax

    from inception_jax.data.sources.open import open_source
    from inception_jax.eval import ensemble
    from inception_jax.eval.real import Real
    from inception_jax.eval.selection import FileNames, choose
    from inception_jax.runtime import multihost

    source = open_source(config.data, values.split or config.eval.split)
    files = FileNames(source, config.data.threads)
    chosen = choose(files, values.subset, values.without)
    real = Real(Path(values.real), source.classes, files.ids) if values.real else None
    members, rows = _members(runs, values, source), []

    def row(of: list[Any], answers: Any) -> Any:
        """Adds a line of the table."""
        networks = [(m.title, m.model.dialect) for m in of]
        crops, result = of[0].evaluator.protocol.count, answers.result()
        if jax.process_index() == 0:
            what = f"{of[0].label}: {of[0].title}" if len(members) > len(of) else ""
            what = f"mean of {len(of)} networks" if len(set(networks)) > 1 else what
            rows.append(paper_table.row(networks, crops, result.sums, what))
            if real:
                rows.append(paper_table.with_real(rows[-1], *real.hits(answers.index, answers.log)))
        return result

    def each() -> Any:
        for member in members:
            stop = partial(multihost.check, interrupt)
            answers = member.answers(chosen, stop, values.fresh)
            if len(members) > 1:
                row([member], answers)
            yield answers

    result = row(members, ensemble.mean(each()))
    if jax.process_index():
        return None
    return _saved(workdir, members, result, rows, values.protocol, len(chosen))


def _members(runs: list[Run], values: Any, source: Any) -> list[Any]:
    """The checkpoints, loaded, and each one's outputs found among the data's classes."""
    from inception_jax.eval import class_columns, ensemble
    from inception_jax.runtime import mesh

    config = runs[0][2]
    devices = mesh.make(config.mesh.data, config.mesh.model)
    named = class_columns.named(values.outputs) if values.outputs else None
    if named and all(own.model.num_classes != named for *_, own in runs):
        raise ConfigError(
            f"--outputs={values.outputs}: names {named} outputs, expected as many as a network has"
        )
    return [
        ensemble.EnsembleMember(
            path, own, step, data=config, source=source, split=values.split or config.eval.split,
            protocol=values.protocol, mesh=devices,
            names=values.outputs if own.model.num_classes == named else "",
        )
        for path, step, own in runs
    ]  # fmt: skip


def _saved(
    workdir: Path, members: list[Any], result: Any, rows: list[Any], protocol: str, asked: int
) -> dict[str, Any]:
    """Writes eval/<name>.json and .npz; everything that is known, for the printer."""
    from inception_jax.data import imagenet
    from inception_jax.train import trainer

    first = members[0]
    evaluator = first.evaluator
    words = [evaluator.split, *([protocol] if protocol != "page" else [])]
    words += [f"{len(members)} models"] if len(members) > 1 else []
    words += [f"{asked} images"] if asked < len(evaluator.source) else []
    epoch = trainer.epoch_of(evaluator.config, first.step) if first.step else 0.0
    more = {
        "split": " ".join(words),
        "protocol": protocol,
        "members": [m.label for m in members],
        "rows": rows,
        "note": imagenet.not_comparable(evaluator.source.classes, result.seen),
    }
    path = workdir / "eval" / ("-".join(words).replace(" ", "_").replace("/", "_") + ".json")
    result.save(path, evaluator, first.variables, first.step, epoch, **more)
    return {
        **more, "split": evaluator.split, "step": first.step, **result.sums.compute(),
        "unreadable": len(result.unreadable), "reasons": result.unreadable,
        "classes": list(evaluator.source.classes), "per_class": result.sums.per_class(),
        "written": str(path),
    }  # fmt: skip
