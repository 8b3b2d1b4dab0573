"""Heat maps as pictures."""

from pathlib import Path

import cv2
import numpy as np

from inception_jax.workdir import atomic

HOTTEST = 99.5  # percentile of a map that has the last colour
LEAST, MOST = 0.12, 0.82  # opacity of what is cold and hot


def scaled(heat: np.ndarray, top: float | None = None) -> np.ndarray:
    """A map in [0, 1]: what is negative is 0, what is `top` 1, by default the hottest pixels."""
    heat = np.maximum(heat.astype(np.float32), 0)
    top = float(np.percentile(heat, HOTTEST)) or float(heat.max()) if top is None else top
    return np.clip(heat / top, 0, 1) if top > 0 else heat


def layer(heat: np.ndarray, top: float | None = None) -> np.ndarray:
    """A map [h, w] as a layer over a photograph: uint8 [h, w, 4], hot pixels more opaque."""
    heat = scaled(heat, top)
    colours = cv2.applyColorMap((heat * 255).round().astype(np.uint8), cv2.COLORMAP_INFERNO)
    alpha = (255 * (LEAST + (MOST - LEAST) * np.sqrt(heat))).round().astype(np.uint8)
    return np.dstack([colours[..., ::-1], alpha])


def overlaid(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A photograph uint8 [s, s, 3] under the layer of a map [s, s]."""
    over = layer(heat).astype(np.float32)
    alpha = over[..., 3:] / 255
    return (picture * (1 - alpha) + over[..., :3] * alpha).round().astype(np.uint8)


def smooth(heat: np.ndarray, share: float) -> np.ndarray:
    """A map after a Gaussian blur, whose width is a share of the map's side."""
    sigma = max(share * heat.shape[0], 0.5)
    return cv2.GaussianBlur(heat.astype(np.float32), (0, 0), sigma)


def write(path: Path, picture: np.ndarray) -> None:
    """Write uint8 [h, w, 3] as a PNG file."""
    data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    with atomic.replacing(path, path.suffix) as partial:
        partial.write_bytes(data.tobytes())
