"""Checkpoints that are evaluated together: each one's probabilities, and their mean."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh

from inception_jax import checkpoint
from inception_jax.config import Config
from inception_jax.data.sources.source import Source
from inception_jax.data.sources.targets import targets_of
from inception_jax.errors import ConfigError, DataError, PreemptedError
from inception_jax.eval import class_columns
from inception_jax.eval.classified import Classified
from inception_jax.eval.evaluator import Evaluator, never_stop
from inception_jax.eval.log_prob_cache import VERSION, LogProbCache, empty_rows, fingerprint
from inception_jax.eval.measures import NewMeasure
from inception_jax.eval.result import Result
from inception_jax.models import from_config
from inception_jax.progress import Progress
from inception_jax.runtime import multihost
from inception_jax.workdir import class_names, target_scale
from inception_jax.workdir.run_dir import RunDir

BLOCK = 1024  # images that are reduced to metrics at a time

# Keys of `data` that decide how a member crops an image; the others say which images exist.
CROP_KEYS = ("image_size", "eval_size", "eval_crop", "resize", "interpolation")


@dataclass
class LogProbs:
    """Log-probabilities of some images of a split, by one network or the mean of several."""

    index: np.ndarray  # int32 [n], rising
    label: np.ndarray  # int32 [n]
    log: np.ndarray  # float32 [n, classes], logarithms of the mean probabilities
    unreadable: dict[str, str]  # names of the images that are missing, and why
    measure: NewMeasure = Classified
    activation: str = "softmax"  # of any other, `log` has the mean outputs

    def result(self) -> Result:
        """The metrics over all images."""
        result = Result(self.measure(self.log.shape[1]))
        for at in range(0, len(self.index), BLOCK):
            block = slice(at, at + BLOCK)
            result.add(self.index[block], self.label[block], self.log[block])
        result.unreadable = self.unreadable
        return result


class EnsembleMember:
    """The checkpoint at `step` of a run (None: the newest), evaluated on another run's data.

    `data` is the config whose images (`source`, the split), batch size and threads are used. For
    `protocol` and `names_file` see `Evaluator` and `class_columns.columns`; `raw` takes the weights
    themselves where there are averages.

    Attributes:
        label: the workdir and the step.
    """

    def __init__(
        self, workdir: Path, config: Config, step: int | None, *, data: Config,
        source: Source, split: str, protocol: str, mesh: Mesh, names_file: str = "",
        raw: bool = False, out: Path | None = None,
    ):  # fmt: skip
        self.protocol, self.raw, self.held = protocol, raw, RunDir(workdir)
        self.cache = (out or workdir / "eval") / "log_probs"
        own = data.copy_and_resolve_references()
        own.unlock()
        own.model, own.ema = config.model, {"decay": 0.0 if raw else config.ema.decay}
        own.data.update({key: getattr(config.data, key) for key in CROP_KEYS})
        if config.data.channels != data.data.channels or config.data.dtype != data.data.dtype:
            raise ConfigError(
                f"{workdir}: expected a network of images with {data.data.channels} channels of "
                f"{data.data.dtype}, as these are, got one of {config.data.channels} of "
                f"{config.data.dtype}"
            )
        self.model = from_config.build_model(config.model, config.data.channels)
        from_config.check_evaluated(self.model, config.data)
        embeds = own.data.task == "embedding"  # its outputs are no classes
        self.columns = (
            None
            if embeds
            else class_columns.columns(
                source.classes, class_names.read(workdir), config.model.num_classes, names_file
            )
        )
        self.step, self.variables = checkpoint.load(workdir, step, raw)
        if out is None:
            self.held.hold()
        self.label = f"{workdir}@{self.step}"
        self.evaluator = Evaluator(
            own, self.model, mesh, split, source=source, protocol=protocol, columns=self.columns,
            scale=target_scale.of_run(workdir, config.data.task),
        )  # fmt: skip

    @property
    def title(self) -> str:
        """The network's name, and how it differs from those whose figures were published."""
        m = self.model
        changes = [f"width {m.width:g}"] if m.width != 1 else []
        changes += [f"{m.stem} stem"] if m.stem != "paper" else []
        changes += [f"{len(m.drop_rows)} rows dropped"] if m.drop_rows else []
        return f"{m.NAME} ({', '.join(changes)})" if changes else m.NAME

    def log_probs(
        self, chosen: np.ndarray, stop: Callable[[], None] = never_stop, fresh: bool = False
    ) -> LogProbs:
        """The log-probabilities of the images `chosen`; those in the cache are not evaluated again.

        The first process returns them, the others take part and return empty arrays.

        Raises:
            PreemptedError: raised by `stop`; the images evaluated so far stay in the cache.
        """
        cache = self._open_cache(fresh) if jax.process_index() == 0 else None
        todo = self._todo(cache, chosen)
        reader = self.evaluator.reader(todo)
        done = len(chosen) - len(todo)
        bar = Progress(
            len(chosen), label=f"{self.label} {self.evaluator.split} {self.protocol}", quiet=30,
        )  # fmt: skip
        began, start = time.monotonic(), done
        try:
            for index, label, log, bad in self.evaluator.blocks(self.variables, reader, stop):
                done += len(index) + len(bad)
                if cache:
                    # The source has the targets; the cache has classes.
                    cache.add(index, label if label.ndim == 1 else index, log, bad)
                    rate = (done - start) / (time.monotonic() - began)
                    bar.update(done, {"images/s": f"{rate:.3g}"})
        except PreemptedError as e:
            raise PreemptedError(
                f"{e}; {done:,} of {len(chosen):,} images of {self.label} are in the log-prob "
                f"cache, the same command continues"
            ) from e
        finally:
            bar.close()
            if cache:
                cache.write()
        unreadable = multihost.merged(reader.bad.reasons)
        rows = cache.select(chosen) if cache else empty_rows(self.evaluator.classes)
        evaluator, label = self.evaluator, rows["label"]
        if (targets := targets_of(evaluator.source)) is not None:
            label = targets[rows["index"]]
        return LogProbs(
            rows["index"], label, rows["log"], unreadable, evaluator.measure,
            evaluator.task.activation,
        )  # fmt: skip

    def _open_cache(self, fresh: bool) -> LogProbCache:
        """The cache of these weights, this protocol and these images."""
        evaluator = self.evaluator
        config, source = evaluator.config, evaluator.source
        names = [source.name(i) for i in range(len(source))]
        about = {
            "version": VERSION,
            "weights": checkpoint.digest(self.variables),
            "model": config.model.to_dict(),
            "protocol": vars(evaluator.protocol),
            "data": [config.data.source, config.data.name, evaluator.split, len(source)],
            "images": fingerprint(names, list(source.classes)),
            "columns": None if self.columns is None else fingerprint(self.columns.tolist()),
        }
        split = "".join(c if c.isalnum() else "_" for c in evaluator.split)
        name = f"{split}-{self.protocol}-{fingerprint(about)}"
        check = self.held.check
        return LogProbCache(self.cache / name, about, evaluator.classes, fresh, check)

    def _todo(self, cache: LogProbCache | None, chosen: np.ndarray) -> np.ndarray:
        """The images of `chosen` that are not cached, unreadable ones last; equal in all processes.

        Batches after a kill are then the batches that would have followed.
        """
        state = np.zeros(len(chosen), np.int32)  # 1: cached; 2: could not be read
        if cache:
            state = np.isin(chosen, cache.done) + 2 * np.isin(chosen, cache.unreadable)
        state = multihost.of_first(state.astype(np.int32))
        return np.concatenate([chosen[state == 0], chosen[state == 2]])


def mean(members: Iterable[LogProbs]) -> LogProbs:
    """The mean probabilities of several networks on the same images; holds two at most in memory.

    Raises:
        DataError: the networks saw different images.
    """
    rest = iter(members)
    first = next(rest)
    total, count, unreadable = first.log, 1, dict(first.unreadable)
    for other in rest:
        if not np.array_equal(first.index, other.index):
            raise DataError(
                "expected the same images of each network, but some could be read for one and not "
                "for another; run the same command with --fresh"
            )
        add = np.logaddexp if first.activation == "softmax" else np.add
        total, count = add(total, other.log, dtype=np.float64), count + 1
        unreadable |= other.unreadable
    if count == 1:
        return replace(first, unreadable=unreadable)
    log = total - np.log(count) if first.activation == "softmax" else total / count
    return replace(first, log=log.astype(np.float32), unreadable=unreadable)
