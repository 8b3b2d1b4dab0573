"""The train step of a config as a program: built and compiled without an image."""

import functools
import math
from collections.abc import Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from inception_jax import models
from inception_jax.errors import ConfigError
from inception_jax.models.from_config import build_model
from inception_jax.runtime import mesh as meshes
from inception_jax.train import optim, sharded_step, state


class Program:
    """The network, the mesh, the optimiser and the step of a config; nothing is allocated.

    Args:
        config: of the run.
        images: an epoch; schedules count epochs.
        devices: to run on, or to compile for, which need not be there; all of this machine's if not
            given.
        lr_factor: multiplies optim.lr, after rollbacks.
        inherited: paths of the arrays that `checkpoint.init` gives the run.

    Raises:
        ConfigError: an unknown network, or devices that batch or groups do not divide over.
    """

    def __init__(
        self, config: Any, images: int, devices: Sequence[Any] | None = None,
        lr_factor: float = 1.0, inherited: Collection[str] = (),
    ):  # fmt: skip
        c = config
        if not c.model.num_classes:
            raise ConfigError("--config.model.num_classes=0: expected classes to train for")
        if c.model.dtype == "float16" and not c.optim.loss_scale:
            raise ConfigError(  # at a large batch a seventh of the gradients would be zero
                "--config.model.dtype=float16 with --config.optim.loss_scale=0.0: small gradients "
                "would be lost; set --config.optim.loss_scale=65536, or use bfloat16, which has "
                "the range of float32"
            )
        self.config, self.images, self.inherited = config, images, frozenset(inherited)
        self.model = build_model(c.model).clone(frozen=c.optim.backbone_lr == 0)
        self.mesh = meshes.make(c.mesh.data, c.mesh.model, devices)
        self.per_epoch = images / c.data.batch_size
        self.total = math.ceil(c.train.epochs * self.per_epoch - 1e-9)
        optimiser = c.optim.copy_and_resolve_references()
        with optimiser.unlocked():
            optimiser.lr = c.optim.lr * lr_factor
        self.tx, self.rate = optim.build(
            optimiser, epochs=c.train.epochs, steps_per_epoch=self.per_epoch,
            backbone=[r.name for r in self.model.rows()],
        )  # fmt: skip
        self._check_devices()

    def _check_devices(self) -> None:
        c, num_shards = self.config, meshes.shards(self.mesh)
        local, left = divmod(c.data.batch_size, num_shards * c.optim.accumulate)
        if left:
            raise ConfigError(
                f"--config.data.batch_size={c.data.batch_size}: expected a multiple of "
                f"{num_shards * c.optim.accumulate} ({num_shards} devices x "
                f"{c.optim.accumulate} microbatches)"
            )
        group, normed = c.model.bn_group, self.model.switches.norm is not None
        if c.optim.accumulate > 1 and normed and local % group:
            raise ConfigError(
                f"--config.model.bn_group={group}: expected a divisor of {local}, the "
                f"images of one device's microbatch"
            )
        if self.reduce_dtype and normed and (group == 0 or local % group):
            raise ConfigError(
                f"--config.model.bn_group={group}: expected a divisor of {local}, the images of "
                f"one of {num_shards} devices' microbatch, with mesh.reduce={c.mesh.reduce} and "
                f"model.dtype={c.model.dtype}: XLA adds gradients in the dtype they are computed "
                f"in, and in another each device's must be whole before; set model.bn_group, or "
                f"leave mesh.reduce=auto"
            )

    @property
    def reduce_dtype(self) -> str:
        """In which dtype the step itself adds the devices' gradients; empty where XLA does.

        XLA adds kernels' gradients, all but some thousandths of the bytes, in the dtype of the
        computation (the TPU's compiler does; the CPU's widens 16 bits).
        """
        c = self.config
        usual = ("auto", c.model.dtype)
        return "" if meshes.shards(self.mesh) == 1 or c.mesh.reduce in usual else c.mesh.reduce

    @functools.cached_property
    def empty_state(self) -> state.TrainState:
        """The state as shapes with their shardings, to restore into.

        Raises:
            ConfigError: the images are below the network's minimum; the layer is named.
        """
        c = self.config
        try:
            return state.abstract(**self._state_fields())
        except models.ImageTooSmallError as e:
            raise ConfigError(
                f"--config.data.image_size={c.data.image_size} is too small for {c.model.name}: "
                f"{e}; use a larger image, --config.model.stem=small, or --config.model.aux=false "
                f"where an auxiliary head is named"
            ) from e

    def fresh_state(self, start: dict[str, Any] | None = None) -> state.TrainState:
        """The state at step 0, on the mesh: random, but for the arrays in `start`."""
        return state.create(start=start, like=self.empty_state, **self._state_fields())

    def _state_fields(self) -> dict[str, Any]:
        c = self.config
        return {
            "model": self.model, "tx": self.tx, "mesh": self.mesh, "zero": c.mesh.zero,
            "image_size": c.data.image_size, "seed": c.seed, "ema": c.ema.decay > 0,
        }  # fmt: skip

    @functools.cached_property
    def train_step(self) -> Any:
        """The jitted step of this config: see `sharded_step.make_train_step`."""
        c = self.config
        return sharded_step.make_train_step(
            self.model, self.tx, self.rate, self.mesh, loss=c.loss, flip=c.data.flip,
            colour=c.data.colour, seed=c.seed, ema_decay=c.ema.decay, accumulate=c.optim.accumulate,
            zero=c.mesh.zero, reduce_dtype=self.reduce_dtype,
            monitors=c.log.monitors, recompute=c.train.recompute, vmem=c.train.vmem,
            inherited=self.inherited, sam=c.optim.sam, loss_scale=c.optim.loss_scale,
        )  # fmt: skip

    @property
    def empty_batch(self) -> dict[str, Any]:
        """A training batch as shapes with their shardings."""
        c, sharding = self.config, meshes.batch(self.mesh)
        image = (c.data.batch_size, c.data.image_size, c.data.image_size, 3)
        shape = functools.partial(jax.ShapeDtypeStruct, sharding=sharding)
        return {
            "image": shape(image, jnp.uint8),
            "label": shape(image[:1], jnp.int32),
            "signal": shape((meshes.shards(self.mesh),), jnp.int32),
        }

    def compiled(self) -> Any:
        """The step, compiled for the mesh's devices, which need not be there."""
        return self.train_step.lower(self.empty_state, self.empty_batch).compile()
