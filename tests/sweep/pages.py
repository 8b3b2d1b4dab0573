"""A config page with sweeps: the digits with a network that compiles in seconds."""

from tests.conftest import ROOT
from tests.evaluated import WITHOUT

PAGE = """
from inception_jax.cli import pages

def get_config(arg=""):
    c = pages.load("{root}/configs/digits.py:epochs=2.0,width=0.125")
    c.data.image_size = 8
    c.data.batch_size = 96
    c.model.drop_rows = {without}
    c.optim.warmup_epochs = 0.5
    c.eval.every_epochs = 1.0
    c.checkpoint.every_epochs = 0.5
    c.log.tensorboard = False
    return c

def sweep_lr():
    for lr in (0.02, 0.1):
        yield {{"optim.lr": lr}}

def sweep_seed():
    for seed in range(4):
        yield {{"seed": seed}}

def search(trial):
    return {{
        "optim.lr": trial.suggest_float("lr", 1e-3, 0.3, log=True),
        "loss.label_smoothing": trial.suggest_float("smoothing", 0.0, 0.2),
    }}
"""


def write(folder, more=""):
    """Write the page to a folder, with `more` appended."""
    path = folder / "page.py"
    path.write_text(PAGE.format(root=ROOT, without=WITHOUT) + more)
    return path
