"""Weights from the Hugging Face hub, by name."""

from pathlib import Path

from inception_jax.errors import ConfigError, DataError


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
        from huggingface_hub import hf_hub_download  # pyright: ignore[reportMissingImports]
    except ImportError as e:
        raise ConfigError(
            f"{name}: downloading needs huggingface_hub: pip install 'inception-jax[weights]'"
        ) from e
    try:
        return Path(hf_hub_download(name, "model.safetensors"))
    except Exception as e:
        reason = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise DataError(
            f"{name}: the download failed ({reason}); fetch model.safetensors by other means and "
            f"give its path after the name"
        ) from e
