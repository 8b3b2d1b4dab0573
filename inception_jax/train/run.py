"""Training: one config, one directory; the same call resumes what an earlier one began."""

import contextlib
import time
from pathlib import Path
from typing import Any

import jax

from inception_jax.checkpoint import Checkpoints, retention
from inception_jax.data import statistics
from inception_jax.data.sources.source import left_out_of
from inception_jax.errors import DivergedError, StoppedEarlyError
from inception_jax.progress import Progress
from inception_jax.runtime import compiling, distributed, multihost
from inception_jax.runtime.signals import Interrupt
from inception_jax.runtime.watchdog import Watchdog
from inception_jax.train import early_stop, stored_features, teacher
from inception_jax.train import trainer as trainers
from inception_jax.train.early_stop import EarlyStop
from inception_jax.train.loop import Loop
from inception_jax.train.profile import Trace
from inception_jax.train.rollback import Rollbacks
from inception_jax.train.state import TrainState
from inception_jax.train.stored_features import StoredFeatures
from inception_jax.train.timekeeper import Timekeeper
from inception_jax.train.trainer import Trainer
from inception_jax.workdir import atomic, class_names, origin, run_dir, target_scale
from inception_jax.workdir.run_dir import RunDir


def run(config: Any, workdir: Path, allow_config_change: bool = False) -> None:
    """Trains `config` in `workdir` to its end, from where an earlier call got to.

    All processes of a job call it. The first one owns the directory and writes everything but the
    checkpoints, which they write together.

    Raises:
        UserError: each kind ends the command with its own exit code (`errors`).
    """
    began = time.monotonic()
    trainer = trainers.build(config := _with_statistics(config, workdir))
    # What cannot work is refused before the directory exists.
    trainer.program.empty_state  # noqa: B018
    start_arrays = trainer.start_arrays()
    trainer.program.inherited = frozenset(start_arrays or ())
    with contextlib.ExitStack() as stack:
        held = _opened(stack, workdir, trainer, allow_config_change)
        interrupt = stack.enter_context(Interrupt())
        saves = _checkpoints(trainer, held)
        newest = saves.newest_good()
        record = stack.enter_context(
            run_dir.attempt(held, newest or 0, **_origin(trainer))
            if distributed.first()
            else contextlib.nullcontext({})
        )
        stacks = workdir / f"stacks-{jax.process_index()}.txt"
        watchdog = stack.enter_context(Watchdog(config.train.watchdog, stacks))
        clock, bar = Timekeeper(began, watchdog), Progress(trainer.program.total)
        folder = workdir / "profile" / f"process-{jax.process_index()}"
        trace = Trace(folder, config.log.profile)
        stack.callback(saves.close)
        rollbacks = Rollbacks(workdir / "rollbacks.jsonl", config.train)
        step = newest or 0
        trainer, early = _resumed(trainer, rollbacks, workdir, step)
        if distributed.first():
            bar.say(_announcement(trainer, step))
            if step < trainer.total:  # `train.epochs` was raised
                (workdir / "DONE").unlink(missing_ok=True)
        state, window = _start(trainer, saves, newest, start_arrays, workdir, interrupt)
        while True:
            loop = Loop(
                trainer, held, saves, interrupt, clock, record, bar, trace, early,
                start=step, window=window,
            )  # fmt: skip
            try:
                state, step, window = loop.run(state)
                trainer = trainer.ending(early.step)
                if step >= trainer.total:
                    break
            except DivergedError as e:
                del state
                step = rollbacks.add(e, saves)
                if distributed.first():
                    bar.say(f"{e}\n{rollbacks.summary()}")
                trainer, early = _resumed(trainer, rollbacks, workdir, step)
                state, window = saves.restore(step, trainer.program.empty_state)
        saves.close()
        if distributed.first():
            held.check()
            atomic.write_text(workdir / "DONE", f"{early.reason}\n" if early.reason else "")


def _with_statistics(config: Any, workdir: Path) -> Any:
    """The config with the mean and std of its channels: those of the run, or computed if needed."""
    if config.model.mean:
        return config

    def found() -> list[list[float]]:
        if (workdir / run_dir.CONFIG).exists():
            saved = run_dir.saved_config(workdir)["model"]
            return [saved["mean"], saved["std"]]
        if not statistics.needed(config):
            return [[], []]
        channels = statistics.of_training(config)
        return [list(channels.mean()), list(channels.std())]

    return statistics.with_statistics(config, *multihost.decided(found))


def _opened(
    stack: contextlib.ExitStack, workdir: Path, trainer: Trainer, allow_config_change: bool
) -> RunDir:
    """The run's directory, which the first process holds until the end of `stack`."""
    held = RunDir(workdir)

    def own() -> None:
        nonlocal held
        opened = run_dir.opened(workdir, trainer.config, allow_config_change)
        held = stack.enter_context(opened)
        class_names.write(workdir, trainer.source.classes)
        teacher.keep(workdir, trainer.teacher, allow_config_change)
        target_scale.write(workdir, trainer.scale, allow_config_change)

    multihost.decided(own)
    return held


def _origin(trainer: Trainer) -> dict[str, Any]:
    """What the run's numbers come from, for its attempts."""
    source, program = trainer.source, trainer.program
    devices = list(program.mesh.devices.flat)
    return origin.facts(devices, len(source), len(source.classes), program.model.dialect)


def _resumed(
    trainer: Trainer, rollbacks: Rollbacks, workdir: Path, step: int
) -> tuple[Trainer, EarlyStop]:
    """The trainer with the rollbacks and the early stop of the run up to `step`."""
    trainer = trainer.after_rollback(*rollbacks.in_force(step))
    early = early_stop.resumed(workdir, trainer.config, trainer.program.trained, step)
    return trainer.ending(early.step), early


def _checkpoints(trainer: Trainer, held: RunDir) -> Checkpoints:
    """The run's checkpoints, by the rules of its `checkpoint` section."""
    c = trainer.config.checkpoint
    return Checkpoints(
        held.path / "checkpoints",
        keep=c.keep,
        keep_best=c.keep_best,
        keep_every=c.keep_every_epochs * trainer.program.per_epoch,
        scores=retention.scores(held.path, trainer.config.eval.split, trainer.task.score),
        before_write=held.check,
    )


def _start(
    trainer: Trainer,
    saves: Checkpoints,
    newest: int | None,
    arrays: dict[str, Any] | None,
    workdir: Path,
    interrupt: Interrupt,
) -> tuple[TrainState, dict[str, Any] | None]:
    """The state to start from, and the window saved with it; the step compiles meanwhile.

    The trainer gets the features of frozen rows.

    Raises:
        StoppedEarlyError: a signal came while the compiler worked, or features were computed.
    """
    thread = trainer.compiled.ahead(trainer.stage((newest or 0) + 1))
    with compiling.clock("the train step", quiet=not distributed.first()):
        if newest is None:
            state, window = trainer.fresh_state(arrays), None
        else:
            state, window = saves.restore(newest, trainer.program.empty_state)
        while thread.is_alive():
            thread.join(0.2)
            if interrupt.signal:
                raise StoppedEarlyError(
                    f"stopped at step {newest or 0}, before the first step of this attempt: "
                    f"nothing was lost, the same command resumes"
                )
    trainer.features = _features(trainer, state, workdir, newest or 0, interrupt)
    return state, window


def _features(
    trainer: Trainer, state: TrainState, workdir: Path, step: int, interrupt: Interrupt
) -> dict[str, StoredFeatures]:
    """The features that the run learns from after `step`; see `stored_features.compute`.

    Raises:
        StoppedEarlyError: a signal came meanwhile.
    """

    def stop() -> None:
        if interrupt.signal:
            raise StoppedEarlyError(
                f"stopped at step {step}, while the features of frozen rows were computed: the "
                f"same command goes on with them"
            )

    return stored_features.compute(
        trainer.program, [s for s in trainer.stages if s.last > step], trainer.source,
        trainer.evaluator, state.variables, workdir / "features", stop,
    )  # fmt: skip


def _announcement(trainer: Trainer, start: int) -> str:
    """Lines about the network, the data and the devices, printed before compiling."""
    program, c, devices = trainer.program, trainer.config, trainer.program.mesh.devices
    processes = f" of {jax.process_count()} processes" if jax.process_count() > 1 else ""
    sources = {c.data.train_split: trainer.source, c.eval.split: trainer.evaluator.source}
    left_out = [line for split, s in sources.items() for line in left_out_of(s).lines(split)]
    line = (
        f"{c.model.name} ({program.model.dialect}), {len(trainer.source):,} images of "
        f"{c.data.classes} {trainer.task.targets}, {trainer.total:,} steps of {c.data.batch_size}, "
        f"{devices.size} {devices.flat[0].platform} device{'s' if devices.size > 1 else ''}"
        f"{processes}" + (f", from step {start}" if start else "")
    )
    return "\n".join([line, *left_out])
