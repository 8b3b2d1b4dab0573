"""Training: one config, one directory; the same call continues what an earlier one began."""

import contextlib
import time
from pathlib import Path
from typing import Any

import jax

from inception_jax.checkpoint import Checkpoints, retention
from inception_jax.errors import DivergedError, StoppedEarlyError
from inception_jax.runtime import distributed, multihost
from inception_jax.runtime.signals import Interrupt
from inception_jax.runtime.watchdog import Watchdog
from inception_jax.train.loop import Loop
from inception_jax.train.rollback import Rollbacks
from inception_jax.train.trainer import Trainer
from inception_jax.workdir import class_names, run_dir


def run(config: Any, workdir: Path, allow_config_change: bool = False) -> None:
    """Trains `config` in `workdir` to its end, from wherever an earlier call got to.

    All processes of a job call it. The first one owns the directory and writes everything but the
    checkpoints, which they write together.

    Raises:
        UserError: each kind ends the command with its own exit code (`errors`).
    """
    began = time.monotonic()
    job = Trainer(config)
    # What cannot work is refused before the directory exists.
    empty = job.empty_state
    start = job.start_arrays()
    first = distributed.first()
    with contextlib.ExitStack() as stack:

        def own() -> None:
            stack.enter_context(run_dir.opened(workdir, config, allow_config_change))
            class_names.write(workdir, job.source.classes)

        multihost.decided(own)
        interrupt = stack.enter_context(Interrupt())
        saves = Checkpoints(
            workdir / "checkpoints",
            keep=config.checkpoint.keep,
            keep_best=config.checkpoint.keep_best,
            keep_every=config.checkpoint.keep_every_epochs * job.per_epoch,
            scores=retention.scores(workdir, config.eval.split),
        )
        newest = saves.newest_good()
        attempt = run_dir.attempt(workdir, newest or 0) if first else contextlib.nullcontext({})
        record = stack.enter_context(attempt)
        stacks = workdir / f"stacks-{jax.process_index()}.txt"
        watchdog = stack.enter_context(Watchdog(config.train.watchdog, stacks))
        try:
            rollbacks = Rollbacks(workdir / "rollbacks.jsonl", config.train)
            job.adjust(*rollbacks.in_force(newest or 0))
            loop = Loop(job, workdir, saves, interrupt, watchdog, record, began)
            loop.announce(newest or 0)
            compiling = job.compile_ahead()
            if newest is None:
                current, log = job.fresh_state(start), None
            else:
                current, log = saves.restore(newest, empty)
            while compiling.is_alive():
                compiling.join(0.2)
                if interrupt.signal:
                    raise StoppedEarlyError(
                        f"stopped at step {newest or 0}, before the first step of this attempt: "
                        f"nothing was lost, the same command resumes"
                    )
            step = newest or 0
            while True:
                try:
                    loop.run(current, step, log)
                    break
                except DivergedError as e:
                    step = rollbacks.add(e, saves)
                    if first:
                        loop.bar.say(f"{e}\n{rollbacks.words()}")
                    job.adjust(*rollbacks.in_force(step))
                    current, log = saves.restore(step, empty)
        finally:
            saves.close()
        if first:
            (workdir / "DONE").touch()
