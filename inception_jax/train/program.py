"""The train step of a config as a program: built and compiled without an image."""

import functools
from collections.abc import Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from inception_jax import models
from inception_jax.config import tasks
from inception_jax.errors import ConfigError
from inception_jax.models.from_config import build_model
from inception_jax.models.lowering import ops
from inception_jax.runtime import mesh as meshes
from inception_jax.train import (
    augmentation,
    finetune,
    optim,
    sharded_step,
    stages,
    state,
    teacher,
)
from inception_jax.train.optim import unfreezing
from inception_jax.train.stages import Stage


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
        ConfigError: an unknown network, or devices that batch or groups do not divide over; no
            run of `loss.teacher`.
    """

    def __init__(
        self, config: Any, images: int, devices: Sequence[Any] | None = None,
        lr_factor: float = 1.0, inherited: Collection[str] = (),
    ):  # fmt: skip
        c = config
        if not c.model.num_classes and c.loss.name != "triplet":
            raise ConfigError("--config.model.num_classes=0: expected classes to train for")
        if c.model.dtype == "float16" and not c.optim.loss_scale:
            raise ConfigError(  # at a large batch a seventh of the gradients would be zero
                "--config.model.dtype=float16 with --config.optim.loss_scale=0.0: small gradients "
                "would be lost; set --config.optim.loss_scale=65536, or use bfloat16, which has "
                "the range of float32"
            )
        self.config, self.images, self.inherited = config, images, frozenset(inherited)
        model = build_model(c.model, c.data.channels)
        model = model.clone(cosine=tasks.of(c.data).activation == "unit")
        self.model = finetune.frozen(model, c.optim)
        self.mesh = meshes.make(c.mesh.data, c.mesh.model, devices)
        self.per_epoch = images / c.data.batch_size
        self.stages = stages.of(c, self.per_epoch)
        self.teacher = teacher.network(c.loss, self.model, min(s.size for s in self.stages))
        self._lr_factor = lr_factor
        self.tx, self.rate = self._optimiser()
        self._check_devices()

    def _optimiser(self, head: bool = False) -> tuple[Any, Any]:
        """The optimiser, of a stage `head` if so, and the rate by step."""
        section = self.config.optim.copy_and_resolve_references()
        with section.unlocked():
            section.lr *= self._lr_factor
        model = self.model
        return optim.build(
            section, epochs=self.config.train.epochs, steps_per_epoch=self.per_epoch,
            backbone=[row.name for row in model.rows()], fixed=model.fixed,
            frozen=model.frozen if section.freeze_until else (), head=head,
        )  # fmt: skip

    def _check_devices(self) -> None:
        c, num_shards = self.config, meshes.shards(self.mesh)
        local, left = divmod(c.data.batch_size, num_shards * c.optim.accumulate)
        if left:
            raise ConfigError(
                f"--config.data.batch_size={c.data.batch_size}: expected a multiple of "
                f"{num_shards * c.optim.accumulate} ({num_shards} devices x "
                f"{c.optim.accumulate} microbatches)"
            )
        if (c.augment.mixup or c.augment.cutmix) and (local * c.optim.accumulate) % 2:
            raise ConfigError(
                f"--config.data.batch_size={c.data.batch_size}: expected an even number of images "
                f"on each of {num_shards} devices, got {local * c.optim.accumulate}: augment.mixup "
                f"and augment.cutmix mix neighbours"
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
    def total(self) -> int:
        """The last step, without an early stop."""
        return self.stages[-1].last

    @property
    def trained(self) -> int:
        """The last step that trains, without an early stop."""
        return stages.trained(self.stages)

    @property
    def reduce_dtype(self) -> str:
        """In which dtype the step itself adds the devices' gradients; empty where XLA does.

        XLA adds kernels' gradients, all but some thousandths of the bytes, in the dtype of the
        computation (the TPU's compiler does; the CPU's widens 16 bits). On a CPU a dtype that is
        named is the step's, even if it is the computation's: each device then has its own images,
        and the forms that take one after the other (`forms`, "by_image").
        """
        c = self.config
        on_cpu = self.mesh.devices.flat[0].platform == "cpu"
        usual = ("auto",) if on_cpu else ("auto", c.model.dtype)
        return "" if meshes.shards(self.mesh) == 1 or c.mesh.reduce in usual else c.mesh.reduce

    @functools.cached_property
    def empty_state(self) -> state.TrainState:
        """The state as shapes with their shardings, to restore into.

        Raises:
            ConfigError: the images are below the network's minimum, and the layer is named; or
                rows that learn in no step.
        """
        c = self.config
        found = self._abstract(c.data.image_size, f"data.image_size={c.data.image_size}")
        if (size := min(s.size for s in self.stages)) < c.data.image_size:
            smaller = self._abstract(size, f"train.sizes={c.train.sizes}")
            stages.check_shapes(found.params, smaller.params, size)
        frozen = self.model.frozen
        rows = [row.name for row in self.model.rows() if row.name not in frozen]
        learning = {k: v for k, v in found.params.items() if k not in frozen}
        unfreezing.check(c.optim, rows, learning, self.per_epoch, self.trained)
        return found

    def _abstract(self, size: int, key: str) -> state.TrainState:
        """The state for images of `size` pixels, which `key` has."""
        try:
            return state.abstract(**{**self._state_fields(), "image_size": size})
        except models.ImageTooSmallError as e:
            raise ConfigError(
                f"--config.{key} is too small for {self.config.model.name}: "
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
        return self._step()

    @functools.cached_property
    def recalibration_step(self) -> Any:
        """The jitted step of `train.recalibrate`."""
        return self._step(recalibrates=True)

    @functools.cached_property
    def head_step(self) -> Any:
        """The jitted step of `optim.head_epochs`."""
        return self._step(head=True)

    def step_of(self, stage: Stage) -> Any:
        """The jitted step of a stage."""
        if stage.head:
            return self.head_step
        return self.recalibration_step if stage.recalibrates else self.train_step

    def boundary(self, stage: Stage) -> str:
        """The end-point whose stored features a stage's batches have; empty where it is images."""
        if stage.head:
            return "pool"
        return self.model.boundary if self.config.train.cache_features else ""

    def _step(self, recalibrates: bool = False, head: bool = False) -> Any:
        c, model, tx = self.config, self.model, self.tx
        if head:
            model, tx = model.clone(freeze_until="logits"), self._optimiser(head=True)[0]
        stored = head or c.train.cache_features
        return sharded_step.make_train_step(
            model, tx, self.rate, self.mesh, loss=c.loss,
            augment=augmentation.unchanged if stored else augmentation.of(c, model),
            seed=c.seed, ema_decay=c.ema.decay,
            accumulate=c.optim.accumulate, zero=c.mesh.zero, reduce_dtype=self.reduce_dtype,
            monitors=c.log.monitors, recompute=c.train.recompute, vmem=c.train.vmem,
            inherited=self.inherited, teacher=self.teacher, recalibrates=recalibrates,
            sam=c.optim.sam, loss_scale=c.optim.loss_scale,
        )  # fmt: skip

    @property
    def empty_batch(self) -> dict[str, Any]:
        """A training batch of full size as shapes with their shardings."""
        return self._empty_batch(self.config.data.image_size)

    def _empty_batch(self, size: int, recalibrates: bool = False, row: str = "") -> dict[str, Any]:
        """Of images, or of stored features of the end-point `row`."""
        c, mesh = self.config, self.mesh
        image = (c.data.batch_size, size, size, c.data.channels)
        shape = functools.partial(jax.ShapeDtypeStruct, sharding=meshes.batch(mesh))
        whole = functools.partial(jax.ShapeDtypeStruct, sharding=meshes.replicated(mesh))
        keys = augmentation.inputs(c.augment, tasks.weighted(c.loss), stored=row != "")
        batch: dict[str, Any] = {k: shape(image[:1], jnp.int32) for k in keys}
        if tasks.of(c.data).vector:
            batch["label"] = shape((image[0], c.model.num_classes), jnp.float32)
        if "weight" in batch:
            batch["weight"] = shape(image[:1], jnp.float32)
        if row:
            found = self._features(size, row)
            batch["features"] = shape(found.shape, found.dtype)
        else:
            batch["image"] = shape(image, jnp.dtype(c.data.dtype))
        batch["signal"] = shape((meshes.shards(mesh),), jnp.int32)
        if self.teacher:
            batch["teacher"] = jax.tree.map(
                lambda x: whole(x.shape, x.dtype), teacher.shapes(self.teacher)
            )
        return batch | ({"count": whole((), jnp.int32)} if recalibrates else {})

    def compiled(self, stage: Stage | None = None) -> Any:
        """The step of a stage, compiled for the mesh's devices, which need not be there.

        Without a stage it is the train step on images of full size.
        """
        if stage is None:
            return self.train_step.lower(self.empty_state, self.empty_batch).compile()
        batch = self._empty_batch(stage.size, stage.recalibrates, self.boundary(stage))
        return self.step_of(stage).lower(self.empty_state, batch).compile()

    def _features(self, size: int, row: str) -> jax.ShapeDtypeStruct:
        """The features of a batch of images of `size` pixels at the end-point `row`."""
        shape = (self.config.data.batch_size, size, size, self.model.channels)
        x = jax.ShapeDtypeStruct(shape, self.model.dtype)
        apply = functools.partial(self.model.apply, train=False, endpoints=True)
        found = jax.eval_shape(apply, self.empty_state.variables, x).endpoints[row]
        return jax.ShapeDtypeStruct(found.shape, ops.wide(found.dtype))
