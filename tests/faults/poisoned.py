"""`poisoned.py INDEX FILE WORDS...`: `inception-jax WORDS`, where one image makes the loss NaN.

Only the loss of batches with image INDEX is replaced; loop, checkpoints and rollback are real. The
indices of each batch are appended to FILE, one line per step.
"""

import functools
import json
import sys
from pathlib import Path

from inception_jax import cli
from inception_jax.train.program import Program
from inception_jax.train.trainer import Trainer


def main(poison: int, path: Path, words: list[str]) -> int:
    """Run the command."""
    placed, make, taken = Trainer.placed, Program.train_step.func, []

    def note(self, batch, signal, step):
        taken.append(batch["index"].tolist())
        with path.open("a") as file:
            file.write(json.dumps(taken[-1]) + "\n")
        return placed(self, batch, signal, step)

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
