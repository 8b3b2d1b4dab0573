"""`poisoned.py INDEX FILE WORDS...`: `inception-jax WORDS`, where one image makes the loss NaN.

The loop, the checkpoints and the rollback are those of every run; only what the device answers for
a batch with image INDEX in it is replaced. FILE gets the indices of each batch, a line a step.
"""

import functools
import json
import sys
from pathlib import Path

from inception_jax import cli
from inception_jax.train.program import Program
from inception_jax.train.trainer import Trainer


def main(poison: int, path: Path, words: list[str]) -> int:
    """Runs the command."""
    placed, make, taken = Trainer.placed, Program.train_step.func, []

    def note(self, batch, signal):
        taken.append(batch["index"].tolist())
        with path.open("a") as file:
            file.write(json.dumps(taken[-1]) + "\n")
        return placed(self, batch, signal)

    def poisoned(self):
        run = make(self)

        def answer(state, batch):
            state, metrics = run(state, batch)
            bad = poison in taken[-1]
            return state, {**metrics, "loss": metrics["loss"] * (float("nan") if bad else 1.0)}

        return answer

    Trainer.placed = note
    Program.train_step = functools.cached_property(poisoned)
    Program.train_step.__set_name__(Program, "train_step")
    return cli.main(words)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
