"""A network for inference: BatchNorm as part of the convolution before it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from inception_jax.models.network import Network


def fold(model: Network, variables: Mapping[str, Any]) -> tuple[Network, dict[str, Any]]:
    """The same function at evaluation, without BatchNorm: kernels and biases take it in.

    Each output channel of a kernel is multiplied by gamma / sqrt(var + epsilon), and the bias takes
    the rest of the affine map. Computed in float64, stored in the parameters' dtype. A network
    without BatchNorm is returned unchanged.

    Args:
        model: any network that is not folded yet.
        variables: {'params', 'batch_stats'}.

    Returns:
        The network to apply, and its variables: {'params'}.
    """
    norm = model.switches.norm
    params, stats = variables["params"], variables.get("batch_stats", {})
    if norm is None:
        return model, {"params": params}
    if "bn" in stats:  # the embedding's, a sibling of its layer
        params, stats = dict(params), dict(stats)
        params["embedding"] = {**params["embedding"], "bn": params.pop("bn")}
        stats["embedding"] = {"bn": stats.pop("bn")}
    return model.clone(folded=True), {"params": _folded(params, stats, norm.epsilon)}


def _folded(params: Mapping[str, Any], stats: Mapping[str, Any], epsilon: float) -> dict[str, Any]:
    """A tree of layers, each with its BatchNorm folded in."""
    if "bn" not in stats:
        return {
            k: _folded(v, stats.get(k, {}), epsilon) if hasattr(v, "items") else v
            for k, v in params.items()
        }
    norm, averages = params["bn"], stats["bn"]
    mean, var, beta = (_wide(x) for x in (averages["mean"], averages["var"], norm["bias"]))
    factor = _wide(norm.get("scale", 1.0)) / np.sqrt(var + epsilon)
    kernel, before = params["kernel"], _wide(params.get("bias", 0.0))
    return {
        "kernel": (_wide(kernel) * factor).astype(kernel.dtype),
        "bias": ((before - mean) * factor + beta).astype(norm["bias"].dtype),
    }


def _wide(x: ArrayLike) -> Float[np.ndarray, "..."]:
    return np.asarray(x, np.float64)
