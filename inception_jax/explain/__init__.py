"""Why a network says what it says: heat maps, branches, neighbours, and images for its features.

Each method takes a network, its variables, a normalised image and the output to explain.
"""

from inception_jax.explain.branches import BranchShares, ModuleShares, Path, branch_shares
from inception_jax.explain.cam import grad_cam, grad_cam_plus_plus, upsampled
from inception_jax.explain.faithful import (
    Faithfulness,
    PixelCurve,
    insertion_and_deletion,
    random_heat,
)
from inception_jax.explain.integrated import Integrated, integrated_gradients
from inception_jax.explain.occlude import occlusion
from inception_jax.explain.visualisation import Visualisation, visualise

__all__ = [
    "BranchShares",
    "Faithfulness",
    "Integrated",
    "ModuleShares",
    "Path",
    "PixelCurve",
    "Visualisation",
    "branch_shares",
    "grad_cam",
    "grad_cam_plus_plus",
    "insertion_and_deletion",
    "integrated_gradients",
    "occlusion",
    "random_heat",
    "upsampled",
    "visualise",
]
