"""Images by their frequencies and decorrelated colours (Olah et al., Feature Visualization, 2017).

Gradient ascent on pixels finds high frequencies first. In this basis each frequency has the energy
that it has in photographs, and so do the colours' three principal directions. The constants are
those of tensorflow/lucid (optvis/param/spatial.py and color.py).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# The root of the covariance of ImageNet's colours: its columns are the directions.
COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
SPREAD = 0.01  # of the first image's spectrum
DAMPING = 4.0  # of what the sigmoid takes


def frequencies(size: int) -> np.ndarray:
    """The frequency of each coefficient of `rfft2`, in cycles a pixel: [size, size // 2 + 1]."""
    return np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])


def spectrum(key: jax.Array, count: int, size: int) -> Float[Array, "2 n h w2 3"]:
    """Random images' coefficients, real and imaginary, before they are scaled."""
    shape = (2, count, *frequencies(size).shape, 3)
    return SPREAD * jax.random.normal(key, shape, jnp.float32)


def pixels(coefficients: Float[Array, "2 n h w2 3"]) -> Float[Array, "n h w 3"]:
    """The images, in [0, 1]."""
    size = coefficients.shape[2]
    scale = size / np.maximum(frequencies(size), 1 / size)  # energy as in photographs: 1 / f
    scaled = coefficients * jnp.asarray(scale[..., None], jnp.float32)
    x = jnp.fft.irfft2(jax.lax.complex(scaled[0], scaled[1]), (size, size), axes=(1, 2))
    directions = COLOURS / np.linalg.norm(COLOURS, axis=0).max()
    return jax.nn.sigmoid(x / DAMPING @ jnp.asarray(directions.T))
