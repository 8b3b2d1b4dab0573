"""inception-jax sweep expand --config=PAGE --sweep=lr,seed --dir=DIR [flags]

Builds the config of every trial and checks it as `train` would, then writes the list of them; none
is started. A page declares a sweep as a function that yields overrides:

    def sweep_lr():
        for lr in (0.025, 0.045):
            yield {"optim.lr": lr}

Given again with more values, it adds the trials that are new. Overrides on the command line hold
for all trials.
"""  # noqa: D415

import json

from inception_jax.cli import sweeps
from inception_jax.cli.flags import Flags
from inception_jax.sweep import trial as trials


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = sweeps.declare(Flags("sweep expand", __doc__ or "")).switch("json", "print JSON")
    values = flags.parse(argv)
    sweep, new, page = sweeps.expanded(flags, argv)
    sweeps.write(sweep, page)
    if values.json:
        rows = [{"index": t.index, "folder": str(t.folder), "overrides": t.overrides,
                 "command": list(t.command)} for t in sweep.trials()]  # fmt: skip
        print(json.dumps({"dir": str(sweep.folder), "new": new, "trials": rows}, indent=1))
        return
    for t in sweep.trials():
        print(f"{t.index:4}  {trials.text(t.overrides)}")
    what = "trials" if sweep.search is None else "trials to come, by search"
    total = len(sweep.rows) if sweep.search is None else sweep.search["trials"]
    print(f"{sweep.folder}: {total} {what}, {new} new; all configs are good")
    print(f"start them with: inception-jax sweep resume {sweep.folder} --on=local")
