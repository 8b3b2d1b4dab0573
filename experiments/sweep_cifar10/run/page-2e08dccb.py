r"""Sweeps: rate, label smoothing and auxiliary heads of a small GoogLeNet on CIFAR-10.

    inception-jax sweep launch --on=slurm --config=experiments/sweep_cifar10/page.py \
        --config.data.dir=DIR --sweep=lr,smoothing,aux --dir=runs/sweep_cifar10

No paper. configs/cifar10.py at a quarter of the width, two epochs, with both heads, which that page
leaves out.   Time, result: README.md.
"""

from inception_jax import config as cfg
from inception_jax.cli import pages


def get_config(arg: str = "") -> cfg.ConfigDict:
    a = cfg.parse_arg(arg, epochs=2.0)
    c = pages.load(f"configs/cifar10.py:epochs={a.epochs},width=0.25")
    c.update_from_flattened_dict(
        {
            "model.aux": True,
            # The second head sits on inception_4d.
            "model.drop_rows": ("inception_3a", "inception_4b", "inception_4c", "inception_5a"),
            "eval.every_epochs": 0.5,
            "log.tensorboard": False,
        }
    )
    return c


def sweep_lr():
    for lr in (0.003, 0.01, 0.03, 0.1):
        yield {"optim.lr": lr}


def sweep_smoothing():
    for value in (0.0, 0.1):
        yield {"loss.label_smoothing": value}


def sweep_aux():
    for weight in (0.0, 0.3):  # 0.3: Szegedy et al., "Going Deeper with Convolutions", section 5
        yield {"loss.aux_weight": weight}


def search(trial):
    return {
        "optim.lr": trial.suggest_float("lr", 1e-3, 0.1, log=True),
        "loss.label_smoothing": trial.suggest_float("smoothing", 0.0, 0.2),
        "loss.aux_weight": trial.suggest_float("aux", 0.0, 0.6),
    }
