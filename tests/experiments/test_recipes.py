"""Tests `experiments/recipes`: intervals over seeds, the table and the figure, equal arithmetic."""

import json
import math

import pytest

from experiments.recipes import ladder
from inception_jax import cli
from inception_jax.cli import pages, sweeps
from inception_jax.sweep import folder
from tests.conftest import ROOT
from tests.sweep import fake_trials
from tests.sweep import pages as small

RUNGS = """
def sweep_rungs():
    yield {}
    yield {"loss.label_smoothing": 0.2}
    yield {"loss.label_smoothing": 0.2, "model.width": 0.25, "train.epochs": 1.0}

def sweep_more():
    yield {"loss.label_smoothing": 0.2, "model.width": 0.25, "train.epochs": 1.0, "data.flip": True}
"""
TOP1 = {"rungs": ((0.70, 0.71, 0.72), (0.715, 0.725, 0.735), (0.80, 0.81, 0.82)),
        "more": ((0.79, 0.80, 0.81),)}  # fmt: skip


@pytest.fixture(scope="module")
def sweeps_of(tmp_path_factory):
    """The directories of two finished sweeps of three seeds, without training."""
    root, found = tmp_path_factory.mktemp("recipes"), {}
    page = small.write(root, RUNGS)
    for name, groups in TOP1.items():
        at = root / name
        words = [f"--config={page}", f"--sweep={name},seed", f"--dir={at}", "--json"]
        assert cli.main(["sweep", "expand", *words]) == 0
        swept = folder.read(at)
        for trial in swept.trials():
            group, seed = divmod(trial.index, 4)
            if seed == 3:
                continue  # of the page's four seeds, the last has not run
            fake_trials.run(trial.folder, {}, 10, True)
            config = sweeps.build(swept.config_arg(), [], trial.overrides)
            (trial.folder / "config.json").write_text(json.dumps(config))
            lines = [
                {"step": 14, "epoch": 1.0, "split": "train", "time": 1.7e9, "loss": 1.0},
                {"step": 14, "epoch": 1.0, "split": "test", "time": 1.7e9, "count": 10,
                 "top1": groups[group][seed], "loss": 1.0},
            ]  # fmt: skip
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (trial.folder / "metrics.jsonl").write_text(text)
        found[name] = at
    return found


def test_a_rung_is_compared_with_the_one_before_it(sweeps_of):
    """Means, the switches that a rung adds, its arithmetic; trials that have not run are left."""
    first, second, third = ladder.read(sweeps_of["rungs"])
    assert math.isclose(first.mean, 0.71) and first.keys == {} and len(first.values) == 3
    assert second.keys == {"loss.label_smoothing": 0.2} and third.keys == {"model.width": 0.25}
    assert first.images == 14 * 96 and first.flops == second.flops < third.flops
    (more,) = ladder.read(sweeps_of["more"], ladder.top(sweeps_of["rungs"]))
    assert more.keys == {"data.flip": True}


def test_intervals():
    """The pooled deviation has the seeds' degrees of freedom; t(0.975, 6) is 2.447."""
    rungs = [ladder.Rung({}, values, 1.0, 1.0, 1.0, 1.0) for values in TOP1["rungs"]]
    noise = ladder.spread(rungs)
    assert noise.freedom == 6 and math.isclose(noise.deviation, 0.01)
    assert math.isclose(noise.half(3), 2.447 * 0.01 / math.sqrt(3), rel_tol=1e-3)
    assert math.isclose(noise.half(3, 3), 2.447 * 0.01 * math.sqrt(2 / 3), rel_tol=1e-3)
    with pytest.raises(SystemExit, match="two seeds"):
        ladder.spread([ladder.Rung({}, (0.5,), 1.0, 1.0, 1.0, 1.0)])


def test_the_table_and_the_figure(sweeps_of, tmp_path):
    """A difference whose interval excludes 0 is bold; a switch more is compared with the top."""
    rungs = ladder.read(sweeps_of["rungs"])
    more = ladder.read(sweeps_of["more"], ladder.top(sweeps_of["rungs"]))
    lines = ladder.markdown(rungs, more)
    assert "| 0 | baseline | 71.00 ± 1.33 |  |" in lines[2]
    assert "`loss.label_smoothing=0.2` | 72.50 ± 1.33 | +1.50 ± 1.88 |" in lines[3]
    assert "**+8.50 ± 1.88**" in lines[4] and "| 2+ | `data.flip=true`" in lines[5]
    assert "3. Standard deviation over seeds, pooled: 1.00 points (8 degrees" in lines[-1]
    ladder.draw(rungs, more, tmp_path / "ladder.png")
    assert (tmp_path / "ladder.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["sweep_ladder", "sweep_extra"])
def test_every_rung_costs_the_same_arithmetic(name, monkeypatch):
    """PFLOP a run, 6 FLOP a multiply-add: within half a percent."""
    monkeypatch.chdir(ROOT)
    page = "experiments/recipes/page.py"
    rows = list(pages.functions(page)[name]())
    assert len(rows) >= 8 and len({repr(row) for row in rows}) == len(rows)
    costs = {}
    for row in rows:
        config = pages.load(page)
        config.update_from_flattened_dict(row)
        passes = 2 if config.optim.sam else 1
        costs[repr(row)] = ladder.macs(config) * config.train.epochs * passes
    low, high = min(costs.values()), max(costs.values())
    assert high / low < 1.005, costs


def test_the_ladder_of_imagenet_is_a_sweep(monkeypatch):
    """Each of its rungs is a config, of each network."""
    monkeypatch.chdir(ROOT)
    page = "experiments/recipes/imagenet.py"
    rows = list(pages.functions(page)["sweep_ladder"]())
    assert len(rows) >= 8
    for given in (page, f"{page}:model=xception", f"{page}:model=googlenet,image=224"):
        assert all(sweeps.build(given, [], row) for row in rows)
