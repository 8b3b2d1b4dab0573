"""inception-jax eval --workdir=DIR [--protocol=144crop] [--ensemble=DIR,DIR@STEP] [--json]

Evaluates a run's newest checkpoint (the averaged weights, if the run has them; --raw: the weights
themselves) on a whole split, each image once: top-1 and top-5 error beside the paper's, loss,
expected calibration error, and the classes with most errors. Writes DIR/eval/SPLIT.json and .npz
for the report; SPLIT-PROTOCOL.json for a protocol other than the default, eval.protocol of the run.
With --out=OUT they are written in OUT instead, such as for a run that may only be read.

Protocols: config (the config's own centre crop), mirror (and its mirror), shift (and both shifted
by a pixel), slim, torchvision, timm (each with the resize of that code: TensorFlow 1's, Pillow's
bilinear, Pillow's bicubic), 10crop, 12crop, 144crop. The softmax is averaged over the views, then
over the models: those of --ensemble and of positional arguments are workdirs or checkpoints
(DIR@STEP), of any network and input size.

Log-probabilities are cached in DIR/eval/log_probs: after a kill or a stop (Ctrl-C, SIGTERM: exit
code 75) the same command continues, and an ensemble reuses what its members have evaluated.
"""  # noqa: D415

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli import metric_table, overrides, pages, paper_table, views
from inception_jax.cli.flags import Flags
from inception_jax.config import Config
from inception_jax.errors import ConfigError, writing
from inception_jax.runtime import user_paths
from inception_jax.workdir import step_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inception_jax.data.sources.source import Source
    from inception_jax.eval.ensemble import EnsembleMember, LogProbs
    from inception_jax.eval.result import Result
    from inception_jax.runtime.signals import Interrupt

MOST = 100  # networks of an ensemble
Run = tuple[Path, int | None, Config]  # workdir, step, config


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = _flags()
    values = flags.parse(argv)
    config = flags.config()
    from inception_jax.eval.protocols import COUNTS, obeyed

    values.protocol = values.protocol or config.eval.protocol
    if values.protocol not in COUNTS:
        raise ConfigError(f"--protocol={values.protocol}: expected one of {', '.join(COUNTS)}")
    flags.obeys(obeyed(overrides.EVAL, values.protocol), f" --protocol={values.protocol}")
    if values.real and config.data.task != "classification":
        raise ConfigError(f"--real={values.real}: expected a run with data.task=classification")
    if values.list:
        views.show(flags, config, values.protocol, values.list)
        return
    words = [*filter(None, values.ensemble.split(",")), *flags.words]
    others = [(path, step, pages.of_run(str(path))) for path, step in map(run_and_step, words)]
    from inception_jax.runtime.signals import Interrupt
    from inception_jax.workdir import run_dir

    flags.join(run_dir.notes(config, Path(values.workdir)))
    with Interrupt() as interrupt:
        found = _evaluate([(Path(values.workdir), values.step, config), *others], values, interrupt)
    if found is not None:  # None in all processes but the first
        classes = config.data.task == "classification"
        summary = paper_table.summary if classes else metric_table.summary
        flags.print(found, lambda: summary(found))


def _flags() -> Flags:
    flags = Flags("eval", __doc__).run(overrides.EVAL).json()
    flags.arguments("workdirs", "runs/a runs/b@1000 --workdir=runs/c", 0, MOST)
    flags.text("split", "", "split to evaluate; the config's eval.split if not given")
    flags.whole("step", None, "step to evaluate; the newest if not given")
    flags.text("protocol", "", "the views of an image and their resize, see above; the run's")
    flags.text("ensemble", "", "further workdirs, or DIR@STEP, separated by commas")
    flags.path("subset", "", "file of images to evaluate: names, or ImageNet validation ids")
    flags.path("without", "", "file of images to exclude, such as the official blacklist")
    flags.path("real", "", "real.json, to evaluate with the ReaL labels too")
    flags.path("outputs", "", "file with the class of each output, for networks with as many")
    flags.path("out", "", "directory of the results and their cache, instead of WORKDIR/eval")
    flags.text("list", "", "print the views of an image of WIDTHxHEIGHT, and evaluate nothing")
    flags.switch("raw", "evaluate the weights themselves, not their moving average")
    flags.switch("fresh", "evaluate everything again, without cached log-probabilities")
    return flags.cluster()


def run_and_step(word: str, flag: str = "--ensemble") -> tuple[Path, int | None]:
    """The workdir and the step of `DIR` or `DIR@STEP`."""
    whole = user_paths.expanded(word)
    path, at, step = str(whole).rpartition("@")
    if not at or whole.is_dir():
        return whole, None
    if (number := step_names.number(step)) is None:
        raise ConfigError(f"{flag}: expected DIR or DIR@STEP, a whole number, got {word!r}")
    return Path(path), number


def _evaluate(runs: list[Run], values: Any, interrupt: "Interrupt") -> dict[str, Any] | None:
    """Evaluates and writes the files; the results in the first process, None in the others."""
    workdir, _, config = runs[0]
    from inception_jax.runtime import startup

    startup.start(config.model.dtype)
    import jax

    from inception_jax.data import readers
    from inception_jax.data.sources.open import open_source
    from inception_jax.data.sources.source import left_out_of
    from inception_jax.eval import ensemble
    from inception_jax.eval.classified import Classified
    from inception_jax.eval.real import Real
    from inception_jax.eval.selection import FileNames, choose
    from inception_jax.runtime import multihost

    source = open_source(config.data, values.split or config.eval.split)
    if jax.process_index() == 0:
        for line in left_out_of(source).lines(values.split or config.eval.split):
            print(line, file=sys.stderr)
    files = FileNames(source, readers.of(config.data).threads)
    chosen = choose(files, values.subset, values.without)
    real = Real(Path(values.real), source.classes, files.ids) if values.real else None
    members = _members(runs, values, source)
    rows: list[dict[str, Any]] = []

    def add_row(of: "list[EnsembleMember]", log_probs: "LogProbs") -> "Result":
        """Adds a row of the table for one member or all."""
        networks = [(m.title, m.model.dialect) for m in of]
        crops, result = of[0].evaluator.protocol.count, log_probs.result()
        if jax.process_index() == 0:
            what = f"{of[0].label}: {of[0].title}" if len(members) > len(of) else ""
            what = f"mean of {len(of)} networks" if len(set(networks)) > 1 else what
            measured = result.measure
            if isinstance(measured, Classified):
                rows.append(paper_table.row(networks, crops, measured.sums, what))
            else:
                rows.append(metric_table.row(what, measured.compute()))
            if real:
                hits = real.hits(log_probs.index, log_probs.log)
                rows.append(paper_table.with_real(rows[-1], *hits))
        return result

    def each() -> "Iterator[LogProbs]":
        stop = partial(multihost.check, interrupt)
        for member in members:
            log_probs = member.log_probs(chosen, stop, values.fresh)
            if len(members) > 1:
                add_row([member], log_probs)
            yield log_probs

    result = add_row(members, ensemble.mean(each()))
    if jax.process_index():
        return None
    folder = Path(values.out) if values.out else workdir / "eval"
    return _save(folder, members, result, rows, values.protocol, len(chosen))


def _members(runs: list[Run], values: Any, source: "Source") -> "list[EnsembleMember]":
    """The checkpoints, loaded, with their outputs matched to the data's classes."""
    from inception_jax.eval import class_columns, ensemble
    from inception_jax.runtime import mesh

    config = runs[0][2]
    devices = mesh.make(config.mesh.data, config.mesh.model)
    named = class_columns.named_outputs(values.outputs) if values.outputs else None
    if named and all(own.model.num_classes != named for *_, own in runs):
        raise ConfigError(
            f"--outputs={values.outputs}: names {named} outputs, expected as many as a network has"
        )
    return [
        ensemble.EnsembleMember(
            path, own, step, data=config, source=source, split=values.split or config.eval.split,
            protocol=values.protocol, mesh=devices, raw=values.raw,
            names_file=values.outputs if own.model.num_classes == named else "",
            out=Path(values.out) if values.out else None,
        )
        for path, step, own in runs
    ]  # fmt: skip


def _save(
    folder: Path, members: "list[EnsembleMember]", result: "Result", rows: list[dict[str, Any]],
    protocol: str, count: int,
) -> dict[str, Any]:  # fmt: skip
    """Writes <name>.json and .npz in the folder; returns the results for printing."""
    from inception_jax.data import imagenet
    from inception_jax.eval.log_prob_cache import ELSEWHERE
    from inception_jax.train import trainer

    first = members[0]
    evaluator = first.evaluator
    own = evaluator.config.eval.protocol
    words = [evaluator.split, *([protocol] if protocol != own else [])]
    words += ["raw"] if first.raw else []
    words += [f"{len(members)} models"] if len(members) > 1 else []
    words += [f"{count} images"] if count < len(evaluator.source) else []
    epoch = trainer.epoch_of(evaluator.config, first.step) if first.step else 0.0
    more = {
        "split": " ".join(words),
        "protocol": protocol,
        "members": [m.label for m in members],
        "rows": rows,
        "note": imagenet.not_comparable(evaluator.source.classes, result.seen),
    }
    name = "-".join(words).replace(" ", "_").replace("/", "_")
    first.held.check()
    with writing(f"the result in {folder}", elsewhere=ELSEWHERE):
        path = evaluator.save(folder, result, first.variables, first.step, epoch, name, **more)
    names = list(evaluator.source.classes)
    details = result.measure.details(names)
    return {
        **more, "split": evaluator.split, "step": first.step, **result.measure.compute(),
        "unreadable": len(result.unreadable), "reasons": result.unreadable, "classes": names,
        **{key: details[key] for key in ("per_class", "table") if key in details},
        "written": str(path),
    }  # fmt: skip
