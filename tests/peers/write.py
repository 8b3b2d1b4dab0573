"""Writes what the peers compute, on random weights, to npz files: runs in the peers' environment.

    python tests/peers/write.py DIR

One file a network: its weights under the peer's own names, the images, and the logits (and for
torchvision those of the auxiliary heads, BatchNorm's new averages and a gradient, in train mode).
"""  # fmt: skip

import sys
from pathlib import Path

import numpy as np


def images(size: int, count: int = 2) -> np.ndarray:
    """Normalised images [count, size, size, 3]."""
    return np.random.default_rng(0).normal(size=(count, size, size, 3)).astype(np.float32)


def torchvision(name: str, size: int) -> dict[str, np.ndarray]:
    """torchvision's network in eval and in train mode (dropout off)."""
    import torch
    from torchvision import models

    torch.manual_seed(0)
    model = getattr(models, name)(weights=None, aux_logits=True, init_weights=True)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    out = {f"weights/{k}": v.numpy().copy() for k, v in model.state_dict().items()}
    x = images(size)
    tensor = torch.from_numpy(x).permute(0, 3, 1, 2)
    with torch.no_grad():
        out["logits"] = model.eval()(tensor).numpy()
    # In double precision: sixty BatchNorms over two images amplify rounding into the gradient.
    result = model.double().train()(tensor.double())
    heads = (
        [result.aux_logits] if name == "inception_v3" else [result.aux_logits1, result.aux_logits2]
    )
    loss = result.logits.square().mean() + sum(h.square().mean() for h in heads if h is not None)
    loss.backward()
    first = model.conv1 if name == "googlenet" else model.Conv2d_1a_3x3
    out["train_logits"] = result.logits.detach().numpy()
    # GoogLeNetOutputs names the heads in the order of Szegedy's figure only since torchvision 0.21.
    for i, head in enumerate(heads, 1):
        out[f"train_aux{i}"] = head.detach().numpy()
    out["gradient"] = first.conv.weight.grad.numpy()
    out["new_mean"] = first.bn.running_mean.numpy()
    return {"images": x, **out}


def keras_v3() -> dict[str, np.ndarray]:
    """Keras's InceptionV3, its layers in the order in which they were made."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.applications.InceptionV3(weights=None, classifier_activation=None)
    rng = np.random.default_rng(1)
    out = {}

    def number(layer) -> int:
        tail = layer.name.rsplit("_", 1)[-1]
        return int(tail) if tail.isdigit() else 0

    convs = sorted((x for x in model.layers if x.name.startswith("conv2d")), key=number)
    norms = sorted((x for x in model.layers if x.name.startswith("batch_norm")), key=number)
    for i, (conv, norm) in enumerate(zip(convs, norms, strict=True)):
        beta, mean, var = norm.get_weights()
        values = [rng.normal(0, 0.1, beta.shape), rng.normal(0, 0.1, mean.shape)]
        values.append(rng.uniform(0.5, 1.5, var.shape))
        norm.set_weights([v.astype(np.float32) for v in values])
        out[f"weights/{i}/kernel"] = conv.get_weights()[0]
        for key, value in zip(("bias", "mean", "var"), norm.get_weights(), strict=True):
            out[f"weights/{i}/{key}"] = value
    kernel, bias = model.layers[-1].get_weights()
    x = images(299)
    logits = np.asarray(model.predict_on_batch(x))
    return {"images": x, "weights/kernel": kernel, "weights/bias": bias, "logits": logits, **out}


def main(folder: Path) -> None:
    """Writes every file."""
    folder.mkdir(parents=True, exist_ok=True)
    peers = {
        "torchvision_googlenet": lambda: torchvision("googlenet", 224),
        "torchvision_inception_v3": lambda: torchvision("inception_v3", 299),
        "keras_inception_v3": keras_v3,
    }
    for name, compute in peers.items():
        np.savez(folder / f"{name}.npz", **compute())
        print(folder / f"{name}.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
