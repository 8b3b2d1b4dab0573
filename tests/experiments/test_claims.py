"""Tests of experiments/claims: what is declared, the words for what is found, and its page."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inception_jax.cli import pages, sweeps
from inception_jax.sweep.trial import Trial
from tests.conftest import ROOT

CLAIMS = ROOT / "experiments" / "claims"
sys.path.append(str(CLAIMS))

import figure  # noqa: E402
import measures  # noqa: E402
import page  # noqa: E402
import results  # noqa: E402
import run  # noqa: E402
import tables  # noqa: E402
import verdict  # noqa: E402
import write  # noqa: E402
from declare import Claim, Comparison, Count  # noqa: E402

NAMES = results.names()
PAGE = "experiments/claims/page.py:claim="
NEAR, FAR, SAME = [0.5, 0.51, 0.52], [0.6, 0.61, 0.62], [0.501, 0.511, 0.521]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    """Where the networks' paths are found."""
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("a", "b", "rule", "word"),
    [
        (FAR, NEAR, {}, verdict.REPRODUCED),
        (FAR, NEAR, {"at_least": 0.05}, verdict.REPRODUCED),
        (FAR, NEAR, {"at_least": 0.11}, verdict.NOT_VISIBLE),
        (FAR, NEAR, {"at_least": 0.3}, verdict.CONTRADICTED),
        (NEAR, FAR, {}, verdict.CONTRADICTED),
        (SAME, NEAR, {}, verdict.NOT_VISIBLE),
        (NEAR, SAME, {"at_least": -0.05}, verdict.REPRODUCED),
        (NEAR, SAME, {"at_least": -0.005}, verdict.NOT_VISIBLE),
        (NEAR, FAR, {"at_least": -0.05}, verdict.CONTRADICTED),
        (SAME, NEAR, {"within": 0.05}, verdict.REPRODUCED),
        (SAME, NEAR, {"within": 0.01}, verdict.NOT_VISIBLE),
        (FAR, NEAR, {"within": 0.05}, verdict.CONTRADICTED),
    ],
)
def test_words(a, b, rule, word):
    """Of the interval of the difference, and what was declared."""
    found = verdict.compare(Comparison("a beats b", "a", "b", **rule), {"a": a, "b": b})
    assert found.word == word
    assert found.high - found.low == pytest.approx(2 * 2.776 * 0.01 * (2 / 3) ** 0.5, rel=1e-3)


def test_less_is_better_and_shares_of_runs():
    """Of epochs; and of what is 0 or 1 the interval is not of width 0."""
    epochs = Comparison("sooner", "a", "b", measure="epochs_to:0.5")
    assert verdict.compare(epochs, {"a": [1.0, 1.1], "b": [3.0, 3.1]}).word == verdict.REPRODUCED
    dead = Comparison("lives", "a", "b", measure="dead")
    few = verdict.compare(dead, {"a": [0.0] * 2, "b": [1.0] * 2})
    assert few.difference == 1 and few.low < 0.2 < few.high
    assert verdict.compare(dead, {"a": [0.0] * 5, "b": [1.0] * 5}).low > 0.3
    assert few.visible is None


def test_arms_at_chance_do_not_narrow_the_interval():
    """Their seeds are all alike; the deviation is that of the others."""
    noise = verdict.spread([NEAR, FAR, [0.1, 0.1, 0.1]])
    assert noise == verdict.spread([NEAR, FAR]) and noise.freedom == 4
    assert verdict.spread([[0.1, 0.1]]).half(2, 2) == 0


def test_a_visible_difference_is_seen_in_four_of_five_experiments():
    """By simulation of seeds with the pooled deviation of 1."""
    rng, noise, count = np.random.default_rng(0), verdict.Spread(1.0, 8), 1500
    effect, seen = noise.visible(5, 5), 0
    for a, b in rng.normal(size=(count, 2, 5)):
        seen += a.mean() + effect - b.mean() > verdict.spread([a, b]).half(5, 5)
    assert seen / count == pytest.approx(0.8, abs=0.03)


def test_the_same_networks_are_compared_by_image(tmp_path):
    """What both get right does not widen the interval; a page says what it is over."""
    claim, rng = page.parsed("claim=crops_and_ensembles")[0], np.random.default_rng(0)
    right = {c: rng.random((5000, 7)) < 0.7 for c in ("1 x 1", "10 x 1", "144 x 1")}
    more = rng.random((5000, 1)) < 0.04  # images that crops add, for all networks
    for few, many in itertools.pairwise(list(right)):
        right[many] = right[few] | more
    for name, all_ in list(right.items()):
        right[name.replace("1 x 1", "1 x 3")] = all_ | more
        right[name.replace("x 1", "x 7")] = all_.mean(axis=1, keepdims=True) > 0.5
    np.savez(tmp_path / "crops.npz", allow_pickle=False, **right)
    network = results.Arm("network", 0.1, {0.1: 0.6}, 1e8, 1000, 4.0, 50_000, {})
    found = results.Results(
        "crops_and_ensembles", claim, results._evaluated(tmp_path / "crops.npz", network)
    )
    first, second = found.found[:2]
    assert first.word == verdict.REPRODUCED and first.difference == pytest.approx(0.012, abs=0.003)
    assert first.high - first.low < 0.007  # of different images it would be 0.018
    assert second.word == verdict.NOT_VISIBLE and second.difference == 0
    assert found.arms["1 x 1"].mean("top1") == pytest.approx(right["1 x 1"].mean())
    training, views = 1e8 * 4 * 50_000 * 7.9, 1e8 / 3 * 155 * 7 * 5000
    assert found.pflop == pytest.approx((training + views) / 1e15)
    assert "Intervals are over the test images, 1 in 2 of them" in write.page(found)
    assert "| ensembles | test top-1 |" in write.page(found)


def test_claims_need_all_their_parts():
    """Reproduced if all are; what has no number of the paper does not count."""
    assert verdict.of_count(Count("n", 12, 8.7)) == verdict.CONTRADICTED
    assert verdict.of_count(Count("n", 25 / 18, 1.39)) == verdict.REPRODUCED
    words = [verdict.REPRODUCED, verdict.of_count(Count("n", None, 3))]
    assert verdict.of_all(words) == verdict.REPRODUCED
    assert verdict.of_all([*words, verdict.NOT_VISIBLE]) == verdict.NOT_VISIBLE
    words += [verdict.NOT_VISIBLE, verdict.CONTRADICTED]
    assert verdict.of_all(words) == verdict.CONTRADICTED


def test_measures():
    """Of the lines of a run."""
    lines = [
        {"split": "train", "epoch": 0.1, "top1": 0.9},
        {"split": "monitors", "epoch": 0.5, "grad_norm": {"conv1": 2.0}},
        {"split": "test", "epoch": 1.0, "top1": 0.4},
        {"split": "monitors", "epoch": 1.5, "grad_norm": {"conv1": 8.0}},
        {"split": "test", "epoch": 2.0, "top1": 0.6},
    ]
    want = {
        "top1": 0.6, "early:1": 0.4, "epochs_to:0.5": 1.5, "epochs_to:0.25": 0.5,
        "epochs_to:0.7": 2.0, "dead": 0.0, "first_gradient:1": 2.0,
    }  # fmt: skip
    assert {name: measures.value(lines, name) for name in want} == pytest.approx(want)
    assert measures.to_the_end(lines, 2.0) == lines
    diverged = measures.to_the_end(lines[:3], 2.0)
    want = {"top1": 0.1, "dead": 1.0, "early:1": 0.4, "epochs_to:0.5": 2.0}
    assert {name: measures.value(diverged, name) for name in want} == pytest.approx(want)


def test_what_is_not_committed_is_not_run(tmp_path, monkeypatch):
    """Neither a new claim nor a changed one."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=me", "-c", "user.email=me@here"]
    subprocess.run([*git, "init", "-q"], check=True)
    monkeypatch.setattr(run, "HERE", tmp_path)
    path = tmp_path / "mine" / "claim.py"
    path.parent.mkdir()
    for text in ("CLAIM = 1\n", "CLAIM = 2\n"):
        path.write_text(text)
        with pytest.raises(SystemExit, match="commit what the claim declares"):
            run.check_committed("mine")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "declared"], check=True)
        run.check_committed("mine")
    path.write_text("CLAIM = 3\n")
    with pytest.raises(SystemExit, match="commit what the claim declares"):
        run.check_committed("mine_again")  # which follows from it


@pytest.mark.parametrize(
    ("name", "found", "says"),
    [
        ("nothing", True, "expected one of asymmetric, auxiliary, .*, v3_ladder, got nothing"),
        ("auxiliary", None, "expected matplotlib, .* found none: pip install -e '.\\[sweep\\]'"),
    ],
)
def test_mistakes_end_before_anything_is_run(monkeypatch, capsys, name, found, says):
    """A claim that there is not, and a figure that could not be drawn."""
    monkeypatch.setattr(run, "find_spec", lambda _: found)
    monkeypatch.setattr(sys, "argv", ["run.py", name])
    with pytest.raises(SystemExit, match="2"):
        run.main()
    assert re.search(says, capsys.readouterr().err)


def test_ctrl_c_waits_for_the_sweep():
    """The sweep is interrupted too, and ends once its trials have saved."""
    child = "import signal, time; signal.signal(2, lambda *_: exit(75)); print(flush=True)"
    code = (
        "import subprocess, sys; sys.path.append(sys.argv[1]); import run; made = subprocess.Popen;"
        "run.subprocess.Popen = lambda _: made([sys.executable, '-c', sys.argv[2]]);"
        "sys.exit(run.launch([]))"
    )
    words = [sys.executable, "-c", code, str(CLAIMS), child + "; time.sleep(60)"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline() == b"\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 75


def test_there_are_thirteen():
    """Each with a verdict to come from arms that it has; some are tried again."""
    again = {name for name in NAMES if name.endswith(run.AGAIN)}
    assert len(NAMES) - len(again) == 13
    assert {name.removesuffix(run.AGAIN) for name in again} < set(NAMES)
    for name in NAMES:
        claim = page.parsed(f"claim={name}")[0]
        assert isinstance(claim, Claim) and len(claim.seeds) >= 3
        assert claim.sentence and claim.hypothesis and claim.place
        arms = set(claim.arms)
        if not claim.crops:
            assert {c.arm for c in claim.comparisons} | {c.than for c in claim.comparisons} <= arms
        first, *others = claim.arms.values()  # the page's own config has the first arm's keys
        assert all(first.keys() <= other.keys() for other in others)
        assert set(claim.rate_of) <= arms and (not claim.base or claim.base in arms)
        for c in claim.comparisons:
            measures.words(c.measure.replace("@plain", "0.5"))


def test_an_arm_of_another_rate_is_another_arm():
    """`scale_1_lower_rate` has what `scale_1` has, and its own rate."""
    arg = "claim=residual_scale"
    claim = page.parsed(arg)[0]
    for name in claim.arms:
        trial = Trial(0, page.best(arg, name) | {"seed": 1}, Path("trials/0"), ())
        assert results._arm(claim, trial, lambda arm: page.best(arg, arm)) == name


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_all_arms_are_valid_and_cost_the_same(name):
    """As `sweep launch` builds them, here and on ImageNet; what is kept of them is so."""
    given, claim = f"{PAGE}{name}", page.parsed(f"claim={name}")[0]
    for arm in claim.arms:
        config = sweeps.build(given, [], page.own(f"claim={name}", arm))
        epochs, flops = config["train"]["epochs"], page.flops(f"claim={name}", arm)
        if claim.base:
            want = claim.epochs * page.flops(f"claim={name}", claim.base)
            assert epochs * flops == pytest.approx(want, rel=1e-3)
    full = f"{given},on=imagenet"
    assert pages.load(full).data.name == "imagenet2012"
    for arm in claim.arms:
        sweeps.build(full, [], page.own(f"claim={name},on=imagenet", arm))
    kept = page.run_folder(f"claim={name}") / results.COUNTED
    if kept.is_file():
        assert json.loads(kept.read_text()) == results.count(name)


def test_a_page_and_a_figure(tmp_path):
    """Of made-up runs."""
    claim = page.parsed("claim=two_small_for_one_large")[0]
    arms = {
        arm: results.Arm(
            arm, 0.1, {0.03: 0.5, 0.1: 0.6}, 1e8, 1000, 3.0, 50_000,
            {s: [{"split": "test", "epoch": 3.0, "top1": at + 0.01 * s}] for s in (1, 2, 3)},
        )
        for arm, at in zip(claim.arms, (0.6, 0.7, 0.65), strict=True)
    }  # fmt: skip
    found = results.Results("two_small_for_one_large", claim, arms)
    text = write.page(found)
    assert text.startswith("# Two 3x3 convolutions for one 5x5\n\n**Reproduced** (3 of 3 parts")
    assert "| two 3x3 lose nothing against a 5x5 | above -0.50 |" in text
    assert "+10.00 (+" in text and "0.0150 PFLOP" not in text
    assert list(tables.part_rows(found))[1:] == [
        "| a ReLU between the two is better than none | | +5.00 (+3.00 to +7.00) points of test "
        "top-1 | **reproduced** | |",
        "| multiply-adds of a 5x5 over those of two 3x3 | | 1.389 for the paper's 1.389 "
        "| **reproduced** | |",
    ]
    figure.draw(found, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert json.dumps(claim.title)
