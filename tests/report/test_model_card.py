"""Tests `model_card`: what it says is in the run's files, and what is not there is left open."""

import json

import pytest
import yaml

from inception_jax.cli import pages
from inception_jax.errors import ConfigError
from inception_jax.report import model_card
from inception_jax.workdir import run_dir
from tests import tiny
from tests.conftest import ROOT

RUN = ROOT / "experiments" / "digits" / "run"
STEP = 674  # its last


def head_of(card):
    """The YAML block, and the text after it."""
    _, head, text = card.split("---\n", 2)
    return yaml.safe_load(head), text


def test_a_trained_run():
    """Network, images, steps, time and the results with their interval; the hub's block."""
    config = pages.of_run(str(RUN))
    head, text = head_of(model_card.write(RUN, config, STEP, "me/digits", "mit"))
    assert (head["license"], head["library_name"]) == ("mit", "inception_jax")
    (result,) = head["model-index"][0]["results"]
    assert result["dataset"] == {"name": "digits", "type": "digits", "split": "test"}
    summary = json.loads((RUN / "eval" / "test.json").read_text())
    assert result["metrics"][0] == {
        "type": "accuracy",
        "name": "top-1",
        "value": summary["top1"],
    }
    for fact in (
        "| test | 360 | 99.44% | 98.00% to 99.85% | 100.00% |", "`googlenet`, arXiv:1409.4842",
        "1,437 images", "30.02 epochs: 674 steps of 64 images", "1 attempt", "165,162",
        "import hub:me/digits --out=runs/digits", "Measured on test of digits only.",
    ):  # fmt: skip
        assert fact in text
    assert text.count(model_card.OPEN) == 1  # the intended use


def test_another_step_has_no_results():
    """An evaluation is of one step: the card of an earlier one must not claim it."""
    head, text = head_of(model_card.write(RUN, pages.of_run(str(RUN)), STEP // 2, "me/digits"))
    assert not {"model-index", "license"} & head.keys()
    assert "no evaluation of this step" in text and "15.01 epochs: 337 steps" in text
    assert "99.44%" not in text and text.count(model_card.OPEN) == 2


@pytest.mark.parametrize(
    ("task", "loss", "found", "says", "pipeline"),
    [
        ("regression", "huber", {"r2": 0.91, "rmse": 2.5, "mae": 1.75},
         ["2 targets, step 9", "| split | images | R2 | RMSE | MAE |", "| test | 50 | 0.91 | 2.5 |",
          "with 2 numbers"], None),
        ("multilabel", "binary_cross_entropy", {"map": 0.8, "f1": 0.75},
         ["2 classes, step 9", "| split | images | mAP | F1 |", "| test | 50 | 80.00% | 75.00% |",
          "each of its 2 labels"], "image-classification"),
        ("embedding", "arcface", {"recall1": 0.5, "verification": 0.9},
         ["| split | images | recall@1 | 95% interval | verification |", "36.64% to 63.36%"],
         "image-feature-extraction"),
    ],
)  # fmt: skip
def test_the_card_follows_the_task(tmp_path, task, loss, found, says, pipeline):
    """What the outputs are, the task's metrics, and the hub's name of it."""
    config = tiny.digits(data__task=task, loss__name=loss, model__num_classes=2)
    (tmp_path / "config.json").write_text(json.dumps(run_dir.plain(config)))
    (tmp_path / "eval").mkdir()
    summary = {"split": "test", "step": 9, "count": 50, **found}
    (tmp_path / "eval" / "test.json").write_text(json.dumps(summary))
    head, text = head_of(model_card.write(tmp_path, config, 9, "me/x"))
    assert head.get("pipeline_tag") == pipeline
    (result,) = head["model-index"][0]["results"]
    assert [m["value"] for m in result["metrics"]] == list(found.values())
    for words in says:
        assert words in text
    assert "one of its" not in text


def test_imported_weights(tmp_path):
    """Not trained here: the peer, its file and sha256."""
    config = tiny.digits(data__source="folder", data__dir="birds")
    (tmp_path / "config.json").write_text(json.dumps(run_dir.plain(config)))
    source = {"peer": "timm:inception_v4", "file": "a.safetensors", "sha256": "ab12"}
    (tmp_path / "source.json").write_text(json.dumps(source))
    _, text = head_of(model_card.write(tmp_path, config, 0, "me/x"))
    assert "those of `timm:inception_v4`, file `a.safetensors`, sha256 `ab12`" in text
    assert "Not measured." in text and "epochs" not in text


def test_a_license_is_an_identifier():
    """Anything else would break the hub's block."""
    with pytest.raises(ConfigError, match=r"apache-2\.0"):
        model_card.write(RUN, pages.of_run(str(RUN)), STEP, "me/x", "mit\nx: y")
