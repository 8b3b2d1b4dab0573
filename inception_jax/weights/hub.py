"""Weights from the Hugging Face hub, by name."""

from pathlib import Path

from inception_jax.errors import ConfigError, DataError

FILE = "model.safetensors"
PATIENCE = 10  # seconds until the hub is taken for out of reach


def download(name: str) -> Path:
    """Downloads the weights of `timm/inception_v4.tf_in1k`, or finds them in the hub's cache.

    Raises:
        ConfigError: `name` is not a hub name, or huggingface_hub is not installed.
        DataError: the download failed.
    """
    if "/" not in name:
        raise ConfigError(
            f"expected a file after {name}, or a hub name such as timm/inception_v4.tf_in1k"
        )
    try:
        import huggingface_hub as hub  # pyright: ignore[reportMissingImports]
    except ImportError as e:
        raise ConfigError(
            f"{name}: downloading needs huggingface_hub: pip install 'inception-jax[weights]'"
        ) from e
    if isinstance(cached := hub.try_to_load_from_cache(name, FILE), str):
        return Path(cached)
    try:
        # Its own download tries six times, with two lines of warning each.
        hub.get_session().head(hub.constants.ENDPOINT, timeout=PATIENCE)
        return Path(hub.hf_hub_download(name, FILE))
    except Exception as e:
        reason = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise DataError(
            f"{name}: the download failed ({reason}); fetch {FILE} by other means and give its "
            f"path after the name"
        ) from e
