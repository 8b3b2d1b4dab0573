"""Fake run directories with realistic numbers."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

ANIMALS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def config_of(name: str = "inception_v3", lr: float = 0.045, **data: Any) -> dict[str, Any]:
    """A config with all sections, in their order."""
    return {
        "seed": 0,
        "data": {"name": "cifar10", "image_size": 75, "batch_size": 512, **data},
        "model": {
            "name": name,
            "num_classes": 10,
            "dropout": 0.2,
            "dtype": "bfloat16",
            "stem": {"stride": 1, "widths": [32, 32, 64]},
        },
        "loss": {"label_smoothing": 0.1, "aux_weight": 0.4},
        "optim": {"name": "rmsprop", "lr": lr, "decay": 0.9, "eps": 1.0, "clip": 2.0},
        "ema": {"decay": 0.9999},
        "train": {"epochs": 30, "log_steps": 20},
        "eval": {"splits": ["test"], "crops": 1, "every_epochs": 1},
        "checkpoint": {"every_epochs": 1, "keep": 3},
        "mesh": {"data": -1, "model": 1},
        "log": {"tensorboard": True},
    }


def metric_lines(steps: int, top1: float, seed: int, start: float, lr: float) -> list[dict]:
    """Training every 20 steps, evaluation every epoch of 98 steps."""
    rng = np.random.default_rng(seed)
    lines = []
    for step in range(20, steps + 1, 20):
        part = step / 3000
        loss = 0.5 + 2.0 * np.exp(-5 * part) + rng.normal(0, 0.06)
        lines.append(
            {
                "step": step,
                "epoch": step / 98,
                "time": start + 1.4 * step,
                "split": "train",
                "loss": loss,
                "loss_aux1": loss * 1.2,
                "top1": 1 - loss / 2.6,
                "top5": 1 - loss / 8,
                "lr": lr * 0.94 ** (step // 196),
                "grad_norm": float(np.exp(rng.normal(0, 0.3))),
                "images_per_s": 1830 + rng.normal(0, 40),
                "input_wait": abs(rng.normal(0.02, 0.01)),
            }
        )
        if step % 100 == 0:
            good = top1 * (1 - np.exp(-6 * part)) / (1 - np.exp(-6.0)) + rng.normal(0, 0.004)
            lines.append(
                {
                    "step": step,
                    "epoch": step / 98,
                    "time": start + 1.4 * step + 1,
                    "split": "test",
                    "loss": 3 * (1 - good),
                    "top1": good,
                    "top5": 1 - (1 - good) / 8,
                    "ece": 0.03,
                    "count": 10000,
                    "weights": "ema",
                }
            )
    return lines


def monitor_lines(steps: int, start: float) -> list[dict]:
    """Halfway, `block8_5` dies and the residual branch of `block8_4` dominates."""
    lines = []
    for step in range(20, steps + 1, 20):
        late = step / steps > 0.5
        lines.append(
            {
                "step": step,
                "epoch": step / 98,
                "time": start + 1.4 * step,
                "split": "monitors",
                "residual_ratio": {"block8_4": 2.5 if late else 0.25, "block8_5": 0.5},
                "dead_relu": {"conv_1a": 0.0, "block8_4": 0.25, "block8_5": 0.97 * late},
                "grad_norm": {"conv_1a": 2.0, "block8_4": 1.0, "block8_5": 0.5, "logits": 4.0},
            }
        )
    return lines


def evaluation_of(classes: tuple[str, ...], top1: float, seed: int, each: int) -> dict[str, Any]:
    """An eval file whose per-class accuracy agrees with its confusion matrix."""
    rng = np.random.default_rng(seed)
    n = len(classes)
    table = np.zeros((n, n), int)
    for i in range(n):
        right = np.clip(top1 + rng.normal(0, 0.05), 0, 1)
        odds = rng.dirichlet(np.full(n, 0.25)) * (1 - right)
        odds[i] = 0
        odds[i] = 1 - odds.sum()
        table[i] = rng.multinomial(each, odds)
    edges = np.linspace(0, 1, 16)
    middle = (edges[:-1] + edges[1:]) / 2
    bins = [
        {
            "lo": a,
            "hi": b,
            "count": int(40 + 5000 * m**6),
            "confidence": m,
            "accuracy": max(0.0, m - 0.09 * m),
        }
        for a, b, m in zip(edges[:-1].tolist(), edges[1:].tolist(), middle.tolist(), strict=True)
    ]
    return {
        "split": "test",
        "step": 3000,
        "epoch": 30.6,
        "count": each * n,
        "model": "inception_v3",
        "top1": float(np.trace(table) / table.sum()),
        "top5": 0.991,
        "loss": 0.71,
        "ece": 0.0612,
        "params": 21_806_186,
        "classes": list(classes),
        "confusion": table.tolist(),
        "per_class": [{"class": i, "count": each, "top1": table[i, i] / each} for i in range(n)],
        "calibration": bins,
    }


def arrays_of(seed: int, side: int = 32, n: int = 20, classes: int = 10) -> dict[str, np.ndarray]:
    """Mistakes (smooth colour blobs) and Gabor-like filters."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [
        np.stack([np.sin(a * x + b * y + c) for a, b, c in rng.uniform(-6, 6, (3, 3))], -1)
        for _ in range(n)
    ]
    labels = rng.integers(0, classes, n)
    v, u = np.mgrid[-3:4, -3:4]
    angles = rng.uniform(0, 6.3, (2, 32))
    gabor = [
        np.cos(1.3 * (np.cos(a) * u + np.sin(a) * v) + p) * np.exp(-(u**2 + v**2) / 8)
        for a, p in angles.T
    ]
    tint = rng.normal(0.6, 0.5, (1, 1, 3, 32))
    return {
        "mistake_images": (127 + 120 * np.array(waves)).astype(np.uint8),
        "mistake_labels": labels,
        "mistake_predictions": (labels + rng.integers(1, classes, n)) % classes,
        "mistake_probabilities": np.sort(rng.uniform(0.6, 0.9999, n))[::-1],
        "mistake_ids": np.array([f"test/{i:05d}" for i in range(n)]),
        "filters": (np.stack(gabor, -1)[:, :, None, :] * tint).astype(np.float32),
    }


def write_lines(path: Path, lines: list[dict]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def build(
    path: Path,
    *,
    top1: float = 0.78,
    lr: float = 0.045,
    seed: int = 0,
    steps: int = 3000,
    classes: tuple[str, ...] = ANIMALS,
    each: int = 1000,
    model: str = "inception_v3",
    done: bool = True,
    side: int = 32,
) -> Path:
    """A complete run at `path` that was killed once, resumed, and finished."""
    (path / "eval").mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config_of(model, lr)))
    start = time.time() - 3 * 86400
    first = metric_lines(1400, top1, seed, start, lr)
    again = metric_lines(steps, top1, seed, start + 7200, lr)
    write_lines(path / "metrics.jsonl", first + [r for r in again if r["step"] > 1200])
    events = [
        {"event": "start", "time": start, "step": 0, "host": "node-07"},
        {"event": "start", "time": start + 7200 + 1.4 * 1200, "step": 1200, "host": "node-12"},
    ]
    if done:
        end = start + 7200 + 1.4 * steps + 5
        events.append({"event": "end", "time": end, "step": steps, "code": 0})
        (path / "DONE").touch()
    write_lines(path / "attempts.jsonl", events)
    evaluation = evaluation_of(classes, top1, seed, each)
    (path / "eval" / "test.json").write_text(json.dumps(evaluation))
    arrays: dict[str, Any] = arrays_of(seed, side, classes=len(classes))
    np.savez(path / "eval" / "test.npz", **arrays)
    return path
