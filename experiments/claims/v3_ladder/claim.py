"""From Inception-v2 to v3 (1512.00567, Table 3)."""

import itertools
import operator

from declare import NETWORKS, Claim, Comparison

RUNGS = {
    "v2": {"model.dialect": "v2"},
    "rmsprop": {"optim.name": "rmsprop", "optim.decay": 0.9, "optim.eps": 1.0},
    "label_smoothing": {"loss.label_smoothing": 0.1},
    "factorized_7x7": {"model.dialect": "factorized"},
    "batch_norm_head": {"model.dialect": "normalized"},
}
ARMS = dict(zip(RUNGS, itertools.accumulate(RUNGS.values(), operator.or_), strict=True))

CLAIM = Claim(
    title="The ladder from Inception-v2 to v3",
    paper="1512.00567",
    place="section 9, Table 3",
    sentence="Each of these improves the one before it: v2 23.4% top-1 error, RMSProp 23.1%, label "
    "smoothing 22.8%, the first 7x7 as three 3x3 21.6%, BatchNorm in the auxiliary head 21.2%.",
    hypothesis="Each step is of less than 1.2 points in the paper, and cannot be seen in two "
    "epochs of this width, with the possible exception of RMSProp and the 7x7.",
    arms=ARMS,
    comparisons=[
        Comparison(f"{upper} is better", upper, lower) for lower, upper in itertools.pairwise(ARMS)
    ],
    config={
        "model.name": f"{NETWORKS}/v3_ladder.py:V3Ladder",
        "model.width": 0.125,
        "model.aux": True,
        "model.drop_rows": (),
        "loss.aux_weight": 0.4,
        "optim.nesterov": False,
    },
    base="v2",
    epochs=2.0,
    full={"data.image_size": 299},
    seeds=range(1, 5),
)
