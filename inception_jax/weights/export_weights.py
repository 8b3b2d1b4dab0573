"""Export a run's weights as safetensors under a peer's names."""

from pathlib import Path

from inception_jax import checkpoint, weights
from inception_jax.config import Config
from inception_jax.errors import ConfigError
from inception_jax.models import from_config
from inception_jax.workdir import atomic


def export_weights(
    name: str, config: Config, workdir: Path, out: Path, step: int | None = None
) -> int:
    """Writes a run's weights as the peer `name` stores them; returns the number of arrays.

    Raises:
        ConfigError: unknown peer, or the run has another network than the peer.
    """
    from safetensors.numpy import save_file

    peer = weights.find(name)
    model = from_config.build_model(config.model, config.data.channels)
    expected, actual = (peer.model, peer.dialect), (model.NAME, model.dialect)
    if model.channels != 3:
        raise ConfigError(
            f"--to={name}: expected a network of RGB images, got one of {model.channels} channels "
            f"in {workdir}; export a graph instead, such as --to=onnx"
        )
    if actual != expected:
        raise ConfigError(
            f"--to={name}: expected a run of {' '.join(expected)}, got {' '.join(actual)} in "
            f"{workdir}"
        )
    _, variables = checkpoint.load(workdir, step)
    try:
        arrays = weights.export_arrays(model, peer, variables)
    except ValueError as e:
        raise ConfigError(f"--to={name}: {e}") from e
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(out) as partial:
        save_file(arrays, partial, {"format": "pt"})
    return len(arrays)
