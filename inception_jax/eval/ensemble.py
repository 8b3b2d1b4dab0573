"""Checkpoints that are evaluated together: each one's probabilities, and the mean of them."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from inception_jax import checkpoint
from inception_jax.data.sources.source import Source
from inception_jax.errors import DataError, PreemptedError
from inception_jax.eval import class_columns, log_prob_cache
from inception_jax.eval.evaluator import Evaluator, nothing
from inception_jax.eval.result import Result
from inception_jax.models import from_config
from inception_jax.progress import Progress
from inception_jax.runtime import multihost
from inception_jax.workdir import class_names

BLOCK = 1024  # images that become numbers at a time

# What decides a member's view of an image; the rest of `data` says which images there are.
SEEN = ("image_size", "eval_crop", "resize", "interpolation")


@dataclass
class Answers:
    """What a network, or several, say of some images of a split.

    Attributes:
        index: int32 [n], rising.
        label: int32 [n].
        log: float32 [n, classes], the logarithms of the mean probabilities.
        unreadable: names of the images that are missing, and why.
    """

    index: np.ndarray
    label: np.ndarray
    log: np.ndarray
    unreadable: dict[str, str] = field(default_factory=dict)

    def result(self) -> Result:
        """The sums over all of them."""
        found = Result.empty(self.log.shape[1])
        for at in range(0, len(self.index), BLOCK):
            part = slice(at, at + BLOCK)
            found.add(self.index[part], self.label[part], self.log[part])
        found.unreadable = self.unreadable
        return found


class EnsembleMember:
    """A checkpoint of a run, which looks at a split of another run's data.

    Args:
        workdir: of the run.
        config: of the run.
        step: of the checkpoint; None for the newest.
        data: the config whose images, batch size and threads are used.
        source: those images.
        split: their name.
        protocol: a key of `data.protocols.COUNTS`.
        mesh: the devices.
        names: a file that names the outputs, see `outputs.columns`.
    """

    def __init__(
        self, workdir: Path, config: Any, step: int | None, *, data: Any, source: Source,
        split: str, protocol: str, mesh: Mesh, names: str = "",
    ):  # fmt: skip
        self.workdir, self.protocol, self._mesh = workdir, protocol, mesh
        own = data.copy_and_resolve_references()
        own.unlock()
        own.model, own.ema = config.model, config.ema
        own.data.update({key: config.data[key] for key in SEEN})
        self.model = from_config.build_model(config.model)
        called = class_names.read(workdir)
        self.columns = class_columns.columns(
            source.classes, called, config.model.num_classes, names
        )
        self.step, self.variables = checkpoint.load(workdir, step)
        self.evaluator = Evaluator(
            own, self.model, mesh, split, source=source, protocol=protocol, columns=self.columns
        )

    @property
    def label(self) -> str:
        """The workdir and the step."""
        return f"{self.workdir}@{self.step}"

    @property
    def title(self) -> str:
        """The network's name, and how it differs from those whose figures were published."""
        m = self.model
        odd = [f"width {m.width:g}"] if m.width != 1 else []
        odd += ["small stem"] if m.stem == "small" else []
        odd += [f"{len(m.drop_rows)} rows left out"] if m.drop_rows else []
        return f"{m.NAME} ({', '.join(odd)})" if odd else m.NAME

    def answers(
        self, chosen: np.ndarray, stop: Callable[[], None] = nothing, fresh: bool = False
    ) -> Answers:
        """What it says of the images `chosen`; those that are kept from before are not looked at.

        In the first process; the others, which take part, get none.

        Raises:
            PreemptedError: `stop` raised one; what was done is kept.
        """
        first = jax.process_index() == 0
        shelf = self._shelf(fresh) if first else None
        todo = self._todo(shelf, chosen)
        read = self.evaluator.reader(todo)
        done = len(chosen) - len(todo)
        bar = Progress(
            len(chosen), done, label=f"{self.label} {self.evaluator.split} {self.protocol}",
            quiet=30,
        )  # fmt: skip
        began, start = time.monotonic(), done
        try:
            for index, label, log, bad in self.evaluator.blocks(self.variables, read, stop):
                done += len(index) + len(bad)
                if shelf:
                    shelf.add(index, label, log, bad)
                    rate = (done - start) / (time.monotonic() - began)
                    bar.update(done, {"images/s": f"{rate:.3g}"})
        except PreemptedError as e:
            raise PreemptedError(
                f"{e}; {done:,} of {len(chosen):,} images of {self.label} are kept, the same "
                f"command continues"
            ) from e
        finally:
            bar.close()
            if shelf:
                shelf.write()
        bad = multihost.merged(read.bad.reasons)
        if shelf:
            return Answers(**shelf.whole(chosen), unreadable=bad)
        none = np.zeros(0, np.int32)
        return Answers(none, none, np.zeros((0, self.evaluator.classes), np.float32), bad)

    def _shelf(self, fresh: bool) -> log_prob_cache.LogProbCache:
        """What is kept of these weights, this protocol and these images."""
        evaluator = self.evaluator
        config, source = evaluator.config, evaluator.source
        names = [source.name(i) for i in range(len(source))]
        about = {
            "version": log_prob_cache.VERSION,
            "weights": checkpoint.digest(self.variables),
            "model": json.loads(json.dumps(config.model.to_dict())),
            "protocol": vars(evaluator.protocol),
            "interpolation": config.data.interpolation,
            "data": [config.data.source, config.data.name, evaluator.split, len(source)],
            "images": log_prob_cache.fingerprint(names, list(source.classes)),
            "outputs": None
            if self.columns is None
            else log_prob_cache.fingerprint(self.columns.tolist()),
        }
        digest = log_prob_cache.fingerprint(about)
        split = "".join(c if c.isalnum() else "_" for c in evaluator.split)
        folder = self.workdir / "eval" / "kept" / f"{split}-{self.protocol}-{digest}"
        return log_prob_cache.LogProbCache(folder, about, evaluator.classes, fresh)

    def _todo(self, shelf: log_prob_cache.LogProbCache | None, chosen: np.ndarray) -> np.ndarray:
        """Those of `chosen` that are not known, the unreadable ones last; the same everywhere.

        So the batches after a kill are those that would have come.
        """
        state = np.zeros(len(chosen), np.int32)  # 1: known; 2: could not be read
        if shelf:
            state = np.isin(chosen, shelf.done) + 2 * np.isin(chosen, shelf.unreadable)
        state = multihost.of_first(state.astype(np.int32))
        return np.concatenate([chosen[state == 0], chosen[state == 2]])


def mean(answers: Iterable[Answers]) -> Answers:
    """The mean of several networks' probabilities, of the same images; at most two are in memory.

    Raises:
        DataError: they are not of the same images.
    """
    rest = iter(answers)
    first = next(rest)
    total, count, unreadable = first.log, 1, dict(first.unreadable)
    for other in rest:
        if not np.array_equal(first.index, other.index):
            raise DataError(
                "expected the same images of each network, but some could be read for one and not "
                "for another; run the same command with --fresh"
            )
        total, count = np.logaddexp(total, other.log, dtype=np.float64), count + 1
        unreadable |= other.unreadable
    log = total if count == 1 else (total - np.log(count)).astype(np.float32)
    return Answers(first.index, first.label, log, unreadable)
