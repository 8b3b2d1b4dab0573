"""Trained networks from run directories and from other frameworks' weight files."""

from functools import partial
from pathlib import Path
from typing import Any

import jax

from inception_jax import checkpoint
from inception_jax import config as cfg
from inception_jax import weights as peers
from inception_jax.config import Config, tasks
from inception_jax.data.sources import file_kind
from inception_jax.errors import ConfigError
from inception_jax.eval.protocols import from_data_section
from inception_jax.eval.views import all_views, centre
from inception_jax.models import Network, from_config
from inception_jax.models.trained import TrainedNetwork
from inception_jax.weights.import_weights import read_weights, run_config
from inception_jax.workdir import class_names, run_dir, target_scale
from inception_jax.workdir.target_scale import TargetScale

AVERAGED, RAW = "averaged", "raw"


def load(
    source: str | Path, file: str | Path | None, step: int | None, weights: str
) -> TrainedNetwork:
    """See `inception_jax.models.load`."""
    if weights not in (AVERAGED, RAW):
        raise ConfigError(f"weights={weights!r}: expected {AVERAGED!r} or {RAW!r}")
    if file is None and (Path(source) / run_dir.CONFIG).is_file():
        config = cfg.new(**run_dir.saved_config(Path(source)))
        return from_run(config, Path(source), step, raw=weights == RAW)
    name = str(source)
    if file is None and not _is_peer(name):
        raise ConfigError(
            f"{source}: expected the directory of a run, which has a {run_dir.CONFIG}, or a "
            f"network of another framework such as timm:inception_v4 with file=PATH"
        )
    if step is not None or weights != AVERAGED:
        raise ConfigError(f"{source}: a weight file has no step= nor weights=, leave them out")
    if file is None and "/" not in name:
        raise ConfigError(
            f"{source}: expected file=PATH of its weights, or a name of the Hugging Face hub such "
            f"as timm/inception_v4.tf_in1k"
        )
    return from_file(name, peers.download(name) if file is None else Path(file))


def from_run(
    config: Config, workdir: Path, step: int | None = None, raw: bool = False
) -> TrainedNetwork:
    """The network of a run, by the run's own config or one with other keys of `data` and `eval`.

    Raises:
        ConfigError: the config's images are too small for the network.
        DataError: there is no such checkpoint, or it is not good.
    """
    model = from_config.build_model(config.model, config.data.channels)
    model = from_config.evaluated(model, config.data)
    from_config.check_evaluated(model, config.data)
    step, variables = checkpoint.load(workdir, step, raw)
    classes = class_names.read(workdir, config.model.num_classes)
    scale = target_scale.of_run(workdir, config.data.task)
    return _trained(config, model, variables, classes, step, scale)


def from_file(peer: str, file: Path) -> TrainedNetwork:
    """The network of a peer's weight file, with the peer's preprocessing.

    Raises:
        ConfigError: unknown peer, or no such file.
        DataError: the file does not fit the network; the first three mismatches are named.
    """
    found = read_weights(peer, file)
    return _trained(run_config(found.model), found.model, found.variables, found.classes)


def _trained(
    config: Config,
    model: Network,
    variables: Any,
    classes: list[str],
    step: int = 0,
    scale: TargetScale | None = None,
) -> TrainedNetwork:
    if model.dtype == "float64" and not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise ConfigError(
            "the network computes in float64: call jax.config.update('jax_enable_x64', True) first"
        )
    own = from_data_section(config.data, config.eval.protocol)
    return TrainedNetwork(
        model,
        jax.device_put(variables),
        classes,
        crop=partial(centre, data=config.data),
        views=partial(all_views, protocol=own),
        kind=file_kind.of(config.data),
        task=tasks.of(config.data),
        scale=scale,
        step=step,
    )


def _is_peer(name: str) -> bool:
    try:
        return bool(peers.find(name))
    except ConfigError:
        if ":" in name:  # a misspelt one: its message lists all
            raise
        return False
