"""RMSProp as TensorFlow defines it."""

import optax

from inception_jax.train.optim.schedules import Schedule


def tf_rmsprop(
    rate: Schedule | float, *, decay: float, momentum: float, eps: float
) -> optax.GradientTransformation:
    """RMSProp as `tf.train.RMSPropOptimizer`: what trained every released Inception.

    ms = decay * ms + (1 - decay) * g**2, from ms = 1;
    mom = momentum * mom + lr * g / sqrt(ms + eps); w -= mom. The epsilon is inside the root, the
    rate inside the momentum, so that a change of rate does not rescale past steps.
    """
    return optax.chain(
        optax.scale_by_rms(decay=decay, eps=eps, initial_scale=1.0, eps_in_sqrt=True),
        optax.scale_by_learning_rate(rate),
        optax.trace(decay=momentum),
    )
