"""The arrays that fine-tuning starts from: those of another run that fit this network."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax

from inception_jax import checkpoint, models
from inception_jax.errors import ConfigError
from inception_jax.models import Network
from inception_jax.train import input_channels
from inception_jax.workdir import run_dir

SHOWN = 8  # layers or keys named in a line
LEAST = 0.5  # share of the backbone's parameters that must come from the other run
# Keys of a config's `model` that change shapes or names, in the order in which they explain most.
SHAPING = ("name", "dialect", "width", "stem", "drop_rows")


def arrays(workdir: Path, model: Network, shapes: Any) -> tuple[dict[str, Any], list[str]]:
    """The arrays of the run in `workdir` that fit `shapes`, the network's variables.

    Returns:
        The arrays by path, see `state.create`, and lines that say what fits and what does not.

    Raises:
        ConfigError: less than half of the backbone fits; the reason is in the message.
    """
    step, found = checkpoint.load(workdir)
    saved = run_dir.saved_config(workdir)
    theirs, channels = saved["model"], saved["data"]["channels"]
    found, first = _with_channels(found, model, channels)
    taken, other, fresh, unused = compared(shapes, found)
    share = _share(shapes["params"], {path for path in taken if "'params'" in path})
    if share < LEAST:
        raise ConfigError(
            f"--config.checkpoint.init={workdir}: expected a run of the same network, but only "
            f"{share:.0%} of this one's parameters below the classifier fit it: "
            f"{_reason(theirs, model, other)}; set --config.model to the other run's values"
        )
    total = len(taken) + len(other) + len(fresh)
    lines = [f"{len(taken)} of {total} arrays from {workdir} at step {step}", *first]
    for what, paths in (
        ("fresh, of another shape there", other),
        ("fresh, not there", fresh),
        ("there, not in this network", unused),
    ):
        if paths:
            lines.append(f"{what}: {_layers(paths)}")
    return taken, lines + _preprocessing(theirs, model)


def frozen(model: Network, optim: Any) -> Network:
    """The network with the rows frozen that the `optim` section freezes.

    Raises:
        ConfigError: `optim.freeze_until` is no row of the network.
    """
    if not optim.freeze_until:
        return model.clone(freeze_until="logits") if optim.backbone_lr == 0 else model
    model = model.clone(freeze_until=optim.freeze_until)
    try:
        count = len(model.frozen)
    except ValueError as e:
        raise ConfigError(f"--config.optim.freeze_until: {e}") from e
    if not count:
        raise ConfigError(
            f"--config.optim.freeze_until={optim.freeze_until}: expected a row above the first, "
            f"before which none is frozen; set --config.optim.freeze_until=, or logits"
        )
    return model


def check_random(optim: Any) -> None:
    """Refuse to keep random weights.

    Raises:
        ConfigError: the `optim` section freezes rows.
    """
    for key, off in (("freeze_until", ""), ("head_epochs", 0)):
        if (value := getattr(optim, key)) != off:
            raise ConfigError(
                f"--config.optim.{key}={value} with --config.checkpoint.init=: expected a run "
                f"whose weights are kept, for rows that do not learn; set --config.checkpoint.init "
                f"to a run or an import, or --config.optim.{key}={off or ''}"
            )


def _with_channels(found: Any, model: Network, have: int) -> tuple[Any, list[str]]:
    """The arrays, their first layer adapted to the network's channels, and a line for the log."""
    row, params = model.rows()[0].name, found["params"]
    layer = params.get(row, {})
    if have == model.channels or "kernel" not in layer:
        return found, []
    new = input_channels.adapted(layer, have, model.channels)
    if new is None:
        return found, []
    line = f"{row} reads {model.channels} channels, made of the {have} there"
    return {**found, "params": {**params, row: new}}, [line]


def compared(shapes: Any, found: Any) -> tuple[dict[str, Any], list[str], list[str], list[str]]:
    """(Arrays that fit by path, paths of other shapes, missing paths, unused paths)."""
    leaves = jax.tree_util.tree_leaves_with_path
    have = {jax.tree_util.keystr(p): x for p, x in leaves(found)}
    want = {jax.tree_util.keystr(p): x for p, x in leaves(shapes)}
    taken = {k: have[k] for k, x in want.items() if k in have and have[k].shape == x.shape}
    other = [k for k in want if k in have and k not in taken]
    return taken, other, [k for k in want if k not in have], [k for k in have if k not in want]


def _share(params: Any, taken: Iterable[str]) -> float:
    """The share of the backbone's numbers, without classifier and heads, that were taken."""
    backbone = {k: v for k, v in params.items() if k != "logits" and not k.startswith("aux_")}
    leaves = jax.tree_util.tree_leaves_with_path({"params": backbone})
    sizes = {jax.tree_util.keystr(path): math.prod(x.shape) for path, x in leaves}
    return sum(sizes[k] for k in taken if k in sizes) / max(sum(sizes.values()), 1)


def _reason(theirs: Mapping[str, Any], model: Network, other: list[str]) -> str:
    """Why the networks differ: the keys of their configs, or a layer of another shape."""
    dialect = theirs["dialect"] or models.dialects(theirs["name"])[0]
    saved = {**theirs, "dialect": dialect}
    mine = {key: getattr(model, "NAME" if key == "name" else key) for key in SHAPING}
    keys = [k for k in SHAPING if _plain(saved.get(k)) != _plain(mine[k])]
    reasons = [f"model.{k} is {saved.get(k)} there, {mine[k]} here" for k in keys]
    return "; ".join(reasons) or (f"{_layers(other)} differ" if other else "it has other layers")


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _layers(paths: Iterable[str]) -> str:
    """The layers of paths such as `['params']['logits']['bias']`, with their numbers of arrays."""
    counts = Counter("/".join(path.strip("[']").split("']['")[1:2]) for path in paths)
    words = [f"{layer} ({n})" for layer, n in counts.most_common(SHOWN)]
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    return ", ".join(words) + more


def _preprocessing(theirs: Mapping[str, Any], model: Network) -> list[str]:
    """Lines where the network of the other run treats images otherwise."""
    dialect = theirs["dialect"] or models.dialects(model.NAME)[0]
    before = {"dialect": dialect, **{key: theirs[key] for key in ("normalization", "mean", "std")}}
    return [
        f"note: they were trained with model.{key}={_plain(value)!r}, this run has "
        f"{getattr(model, key)!r}"
        for key, value in before.items()
        if getattr(model, key) != _plain(value)
    ]
