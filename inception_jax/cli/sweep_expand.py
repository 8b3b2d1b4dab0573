"""inception-jax sweep expand --config=PAGE --sweep=lr,seed --dir=DIR [flags]

Builds the config of every trial, checks it as `train` would, and writes the list of trials; starts
none. A config page declares a sweep as a function that yields overrides:

    def sweep_lr():
        for lr in (0.025, 0.045):
            yield {"optim.lr": lr}

Repeated with more values, it adds the new trials. Overrides on the command line apply to all
trials.
"""  # noqa: D415

from inception_jax.cli import sweeps
from inception_jax.cli.flags import Flags
from inception_jax.sweep import trial as trials


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = sweeps.declare(Flags("sweep expand", __doc__)).json()
    flags.parse(argv)
    sweep, new, files = sweeps.expanded(flags, argv)
    sweeps.write(sweep, files)
    rows = [{"index": t.index, "folder": str(t.folder), "overrides": t.overrides,
             "command": list(t.command)} for t in sweep.trials()]  # fmt: skip
    kind = "trials" if sweep.search is None else "trials, chosen by the search"
    total = len(sweep.rows) if sweep.search is None else sweep.search["trials"]
    lines = [
        *(f"{t.index:4}  {trials.text(t.overrides)}" for t in sweep.trials()),
        f"{sweep.folder}: {total} {kind}, {new} new; all configs are valid",
        f"start them with: inception-jax sweep resume {sweep.folder} --on=local",
    ]
    data = {"dir": str(sweep.folder), "new": new, "trials": rows}
    flags.print(data, lambda: "\n".join(lines), indent=1)
