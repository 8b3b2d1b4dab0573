"""inception-jax sweep status DIR [--json] [--reap]

Prints the progress and the metric of each trial, from the files of its run, and its state in the
SLURM queue. `sweep resume` restarts stopped and failed trials. --reap marks the running trials of a
search as failed if their workers have died and no other worker is left to take them over.
"""  # noqa: D415

import collections
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inception_jax.cli import jobs, sweeps
from inception_jax.errors import ConfigError, UserError
from inception_jax.sweep import folder
from inception_jax.sweep.folder import Sweep
from inception_jax.sweep.trial import DONE, FAILED, PRUNED, RUNNING, STOPPED, WAITING, text

if TYPE_CHECKING:
    from inception_jax.sweep.progress import TrialProgress


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = sweeps.of_directory("status", __doc__).json()
    values = flags.switch("reap", "end the trials of a search whose workers have died").parse(argv)
    sweep = folder.read(Path(flags.words[0]))
    if values.reap:
        reap(sweep)
    queue = queued(sweep)
    rows = [row(p, queue.get(str(p.trial.index), "")) for p in sweeps.outcomes(sweep)]
    data = {"dir": str(sweep.folder), "metric": sweep.metric, "trials": rows}
    flags.print(data, lambda: summary(sweep, rows, bool(queue)), indent=1)


def summary(sweep: Sweep, rows: list[dict[str, Any]], in_queue: bool) -> str:
    """The table, the counts by state, and what to do next."""
    lines = table(rows, sweep.metric)
    counts = collections.Counter(map(shown, rows))
    order = dict.fromkeys((DONE, PRUNED, RUNNING, STOPPED, WAITING, FAILED, *counts))
    words = ", ".join(f"{counts[s]} {s}" for s in order if counts[s]) or "none started"
    total = sweep.search["trials"] if sweep.search else len(rows)
    lines.append(f"{total} trials: {words}")
    if not in_queue and any(r["state"] in (STOPPED, FAILED, WAITING) for r in rows):
        lines.append(f"continue with: inception-jax sweep resume {sweep.folder}")
    return "\n".join(lines)


def queued(sweep: Sweep) -> dict[str, str]:
    """The state of each task in SLURM's queue; empty without SLURM."""
    try:
        jobs_ = jobs.queued(sweep.folder)
    except UserError as e:
        return {"": str(e)}
    return {task: state.lower() for states in jobs_.values() for task, state in states.items()}


def row(p: "TrialProgress", queue: str) -> dict[str, Any]:
    """A trial as a row of the table."""
    return {
        "index": p.trial.index,
        "state": p.state,
        "queue": queue,
        "epoch": p.epoch,
        "epochs": p.epochs,
        "value": p.value,
        "attempts": p.attempts,
        "seconds": p.seconds,
        "why": p.why,
        "overrides": p.trial.overrides,
        "folder": str(p.trial.folder),
    }


def shown(r: dict[str, Any]) -> str:
    """A trial's state; in the queue, the queue's."""
    return (r["state"] in (WAITING, STOPPED) and r["queue"]) or r["state"]


def table(rows: list[dict[str, Any]], metric: str) -> list[str]:
    """The lines of the table."""
    columns = shutil.get_terminal_size().columns
    lines = [f"trial  state    {'epoch':>11}  {metric:>7}  tries  overrides"]
    for r in rows:
        epoch = f"{r['epoch']:.1f}/{r['epochs']:g}" if r["epochs"] else ""
        value = "" if r["value"] is None else f"{r['value']:.4f}"
        lines.append(
            f"{r['index']:5}  {shown(r):8} {epoch:>11}  {value:>7}  {r['attempts']:5}  "
            f"{text(r['overrides'])}"
        )
        if r["state"] == FAILED and r["why"]:
            lines.append(f"       {r['why']}"[: max(columns, 80)])
    return lines


def reap(sweep: Sweep) -> None:
    """Marks running trials of a search as failed if their worker has died."""
    if sweep.search is None:
        raise ConfigError(f"{sweep.folder} is a grid: `sweep resume` restarts unfinished trials")
    from optuna.trial import TrialState

    from inception_jax.sweep import search
    from inception_jax.sweep.claims import silent

    study = search.study(sweep)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if silent(trial, sweep.search["grace"]):
            study.tell(trial.number, state=TrialState.FAIL)
            print(f"trial {trial.number}: failed, its worker has died")
