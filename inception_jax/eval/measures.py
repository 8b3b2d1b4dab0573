"""The measure of each task."""

from collections.abc import Callable

from inception_jax.config import Config
from inception_jax.eval.classified import Classified
from inception_jax.eval.measure import Measure
from inception_jax.eval.multilabel import MultiLabel
from inception_jax.eval.regressed import Regressed
from inception_jax.eval.retrieved import Retrieved
from inception_jax.workdir.target_scale import TargetScale

NewMeasure = Callable[[int], Measure]  # of the number of outputs


def of(config: Config, scale: TargetScale | None = None) -> NewMeasure:
    """Makes the measure of a config's task for a number of outputs; `scale` is a regression's."""
    if config.data.task == "multilabel":
        return MultiLabel
    if config.data.task == "regression":
        assert scale is not None
        return lambda outputs: Regressed(scale, config.loss)
    return Retrieved if config.data.task == "embedding" else Classified
