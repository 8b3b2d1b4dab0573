"""1x1 reductions (1409.4842, section 4)."""

from declare import NETWORKS, Claim, Comparison, Count

from inception_jax import models
from inception_jax.models.describe import describe

NAIVE = {"model.name": f"{NETWORKS}/one_by_one.py:Naive"}
# Of the one-tower network of Krizhevsky et al. as torchvision has it would be 61.1 M; this is the
# two-tower one of the paper, counted from its layers.
ALEXNET = 60_965_224


def counts():
    """Of the networks at full width."""
    ours = describe(models.create("googlenet", aux=False))
    naive = describe(models.create("googlenet_naive", aux=False))
    return [
        Count("parameters of AlexNet over GoogLeNet's", 12, ALEXNET / ours.params, 0.1),
        Count(
            "parameters of GoogLeNet with naive modules over its own",
            None,
            naive.params / ours.params,
        ),
        Count("multiply-adds of the same", None, naive.macs / ours.macs),
    ]


CLAIM = Claim(
    title="1x1 reductions make it deep and cheap",
    paper="1409.4842",
    place="section 4, Figure 2",
    sentence="With naive modules even a modest number of 5x5 convolutions is prohibitively "
    "expensive, and the pool's channels make the outputs grow from stage to stage: the computation "
    "blows up within a few stages. 1x1 reductions before the large kernels allow wider and "
    "deeper networks for the same budget, with 12 times fewer parameters than AlexNet.",
    hypothesis="For the same arithmetic the network with reductions is better than the naive one, "
    "whether that has the same widths, and so fewer epochs, or the same cost an image, and so "
    "fewer channels.",
    arms={
        "reduced": {},
        "naive_same_widths": NAIVE,
        "naive_same_cost": {**NAIVE, "model.width": 0.14},
    },
    comparisons=[
        Comparison("better than naive modules of the same widths", "reduced", "naive_same_widths"),
        Comparison("better than narrower ones that cost as much", "reduced", "naive_same_cost"),
    ],
    counts=counts,
    base="reduced",
    limits="GoogLeNet with four of its nine modules; with all nine the naive one costs ten times "
    "as much.",
)
