"""Weights from the Hugging Face hub, by name."""

from pathlib import Path

from inception_jax.errors import ConfigError, DataError


def download(name: str) -> Path:
    """The file of `timm/inception_v4.tf_in1k`, from the hub's cache or over the network.

    Raises:
        ConfigError: no file was given and the name is not a hub's, or its client is not installed.
        DataError: it could not be downloaded.
    """
    if "/" not in name:
        raise ConfigError(
            f"expected a file after {name}, or a hub's name: timm/inception_v4.tf_in1k"
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
            f"{name}: cannot be downloaded ({reason}); fetch model.safetensors by other means and "
            f"give its path after the name"
        ) from e
