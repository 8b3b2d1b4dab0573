"""inception-jax sweep status DIR [--json] [--reap]

How far each trial is and how good, from the files of its run, and what SLURM's queue says. Trials
that are stopped or failed are started again by `sweep resume`. --reap ends the running trials of a
search whose workers are gone for good, when no other worker is there to take them over.
"""  # noqa: D415

import collections
import json
import shutil
from typing import Any

from inception_jax.cli import jobs, sweeps
from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError, UserError
from inception_jax.sweep import folder
from inception_jax.sweep.folder import Sweep
from inception_jax.sweep.trial import DONE, FAILED, PRUNED, RUNNING, STOPPED, WAITING, text


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("sweep status", __doc__ or "").switch("json", "print JSON")
    flags.switch("reap", "end the trials of a search whose workers are gone")
    path, values = sweeps.directory("status", argv, flags)
    from inception_jax.sweep import progress

    sweep = folder.read(path)
    if values.reap:
        reap(sweep)
    found = [progress.read(t, sweep.metric) for t in sweep.trials()]
    queue = queued(sweep)
    rows = [row(p, queue.get(str(p.trial.index), "")) for p in found]
    if values.json:
        print(json.dumps({"dir": str(path), "metric": sweep.metric, "trials": rows}, indent=1))
        return
    table(rows, sweep.metric)
    counts = collections.Counter(map(shown, rows))
    order = dict.fromkeys((DONE, PRUNED, RUNNING, STOPPED, WAITING, FAILED, *counts))
    words = ", ".join(f"{counts[s]} {s}" for s in order if counts[s]) or "none begun"
    total = sweep.search["trials"] if sweep.search else len(rows)
    print(f"{total} trials: {words}")
    if not queue and any(r["state"] in (STOPPED, FAILED, WAITING) for r in rows):
        print(f"go on with: inception-jax sweep resume {path}")


def queued(sweep: Sweep) -> dict[str, str]:
    """What SLURM says of each task of the sweep's jobs; empty where there is no SLURM."""
    if not shutil.which("squeue"):
        return {}
    try:
        found = jobs.queued(sweep.folder)
    except UserError as e:
        return {"": str(e)}
    return {task: state.lower() for states in found.values() for task, state in states.items()}


def row(p: Any, queue: str) -> dict[str, Any]:
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
    """A trial's state for people: of one that does not run, what the queue says."""
    return (r["state"] in (WAITING, STOPPED) and r["queue"]) or r["state"]


def table(rows: list[dict[str, Any]], metric: str) -> None:
    """Prints the rows."""
    columns = shutil.get_terminal_size().columns
    print(f"trial  state    {'epoch':>11}  {metric:>7}  tries  overrides")
    for r in rows:
        epoch = f"{r['epoch']:.1f}/{r['epochs']:g}" if r["epochs"] else ""
        value = "" if r["value"] is None else f"{r['value']:.4f}"
        line = (
            f"{r['index']:5}  {shown(r):8} {epoch:>11}  {value:>7}  {r['attempts']:5}  "
            f"{text(r['overrides'])}"
        )
        print(line)
        if r["state"] == FAILED and r["why"]:
            print(f"       {r['why']}"[: max(columns, 80)])


def reap(sweep: Sweep) -> None:
    """Ends running trials of a search whose worker is silent.

    Raises:
        ConfigError: the sweep is a grid, whose trials need none.
    """
    if sweep.search is None:
        raise ConfigError(f"{sweep.folder} is a grid: `sweep resume` starts again what is not done")
    from optuna.trial import TrialState

    from inception_jax.sweep import search
    from inception_jax.sweep.claims import silent

    study = search.study(sweep)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if silent(trial, sweep.search["grace"]):
            study.tell(trial.number, state=TrialState.FAIL)
            print(f"trial {trial.number}: its worker is lost; failed")
