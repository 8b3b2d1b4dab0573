"""Writes outputs of torch's networks; runs in the environment of torch, timm and the others.

    python tests/peers/write_torch.py DIR

For each network, with random weights, gammas and averages: its weights as NAME.pth (or
.safetensors), and NAME.npz with photographs, logits, auxiliary logits and end-points; for three of
them NAME.step.npz with one step of SGD in double precision, dropout off. EXPLAINED.explain.npz has
explanations by pytorch-grad-cam and Captum, in double precision.
"""  # fmt: skip

import copy
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from photos import photos


def timm(name):
    """A timm network by name."""
    import timm

    return timm.create_model(name, pretrained=False)


def torchvision(name):
    """A torchvision network with its auxiliary heads."""
    from torchvision import models

    return getattr(models, name)(weights=None, aux_logits=True, init_weights=True)


def bninception():
    """Cadene's BN-Inception, the only network here of its package."""
    from pretrainedmodels.models.bninception import BNInception

    return BNInception(num_classes=1000)


def facenet():
    """facenet-pytorch's network, its embedding as the output (not normalised)."""
    from facenet_pytorch import InceptionResnetV1

    return InceptionResnetV1(pretrained=None, classify=False)


def fid():
    """pytorch-fid's graph, with random weights: the trained ones would be downloaded."""
    from pytorch_fid import inception

    made = inception._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    made.Mixed_5b = inception.FIDInceptionA(192, pool_features=32)
    made.Mixed_5c = inception.FIDInceptionA(256, pool_features=64)
    made.Mixed_5d = inception.FIDInceptionA(288, pool_features=64)
    made.Mixed_6b = inception.FIDInceptionC(768, channels_7x7=128)
    made.Mixed_6c = inception.FIDInceptionC(768, channels_7x7=160)
    made.Mixed_6d = inception.FIDInceptionC(768, channels_7x7=160)
    made.Mixed_6e = inception.FIDInceptionC(768, channels_7x7=192)
    made.Mixed_7b = inception.FIDInceptionE_1(1280)
    made.Mixed_7c = inception.FIDInceptionE_2(2048)
    return made


V3 = {"mixed_5d": "Mixed_5d", "mixed_6e": "Mixed_6e", "mixed_7c": "Mixed_7c"}
# Name -> constructor, size of its input, our end-points as its modules, our heads as its.
PEERS = {
    "torchvision-googlenet": (
        lambda: torchvision("googlenet"), 224,
        {"inception_3b": "inception3b", "inception_4a": "inception4a",
         "inception_4d": "inception4d", "inception_5b": "inception5b"},
        {"inception_4a": "aux1", "inception_4d": "aux2"},
    ),
    "torchvision-inception_v3": (
        lambda: torchvision("inception_v3"), 299, V3, {"mixed_6e": "AuxLogits"},
    ),
    "timm-inception_v3": (lambda: timm("inception_v3"), 299, V3, {}),
    "timm-inception_v4": (
        lambda: timm("inception_v4"), 299,
        {"mixed_5a": "features.5", "mixed_6h": "features.17", "mixed_7d": "features.21"}, {},
    ),
    "timm-inception_resnet_v2": (
        lambda: timm("inception_resnet_v2"), 299,
        {"block35": "repeat", "block17": "repeat_1", "block8_last": "block8"}, {},
    ),
    "timm-xception": (
        lambda: timm("legacy_xception"), 299,
        {"block_2": "block2", "block_3": "block3", "block_12": "block12"}, {},
    ),
    "cadene-bninception": (
        bninception, 224,
        {"pool1": "pool1_3x3_s2", "pool2": "pool2_3x3_s2"}, {},
    ),
    "facenet-pytorch-inception_resnet_v1": (
        facenet, 160, {"block35": "repeat_1", "block17": "repeat_2", "block8_last": "block8"}, {},
    ),
    "pytorch-fid-inception_v3": (fid, 299, V3, {}),
}  # fmt: skip
EXPLAINED, EXPLAINED_ROWS = "torchvision-inception_v3", ("mixed_6e", "mixed_7c")
STEPS = ("torchvision-googlenet", "torchvision-inception_v3", "timm-inception_resnet_v2")


def randomise(model) -> None:
    """Moves gammas, betas and moving averages from their initial values, so that all matter."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)


def channels_last(x) -> np.ndarray:
    """[b, c, h, w] as [b, h, w, c]; [b, c] unchanged."""
    x = x.detach().numpy()
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


def forward(model, size, ends, heads) -> dict[str, np.ndarray]:
    """Logits, end-points and auxiliary logits at evaluation."""
    images = photos(size)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    model.eval()
    kept = {}
    for name, module in ends.items():
        model.get_submodule(module).register_forward_hook(
            lambda _, __, out, name=name: kept.update({name: out})
        )
    with torch.no_grad():
        logits = face(model, x) if is_face(model) else last(model(x))
        aux = {h: model.get_submodule(m)(kept[h]) for h, m in heads.items()}
    return {
        "images": images, "logits": channels_last(logits),
        **{f"end/{k}": channels_last(v) for k, v in kept.items()},
        **{f"aux/{k}": channels_last(v) for k, v in aux.items()},
    }  # fmt: skip


def is_face(model) -> bool:
    """Whether it is facenet's network, which normalises its output."""
    return hasattr(model, "last_bn")


def face(model, x):
    """The embedding before it is normalised to a unit vector."""
    kept = {}
    model.last_bn.register_forward_hook(lambda _, __, out: kept.update(out=out))
    model(x)
    return kept["out"]


def last(output):
    """The logits of a network's output, which may be a tuple."""
    return output if torch.is_tensor(output) else output[0]


def step(model, size, heads) -> dict[str, np.ndarray]:
    """Loss, gradients and new statistics of one batch in train mode, in double precision."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    images = photos(size, 4).astype(np.float64)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    labels = torch.tensor([1, 20, 300, 999])
    entropy = torch.nn.functional.cross_entropy
    out = model.double().train()(x)
    loss = entropy(last(out), labels)
    if heads:
        named = out._asdict()
        aux = [named[k] for k in ("aux_logits1", "aux_logits2", "aux_logits") if k in named]
        loss = loss + 0.3 * sum(entropy(a, labels) for a in aux)
    loss.backward()
    return {
        "images": images, "labels": labels.numpy(), "loss": loss.detach().numpy(),
        **{f"grad/{k}": p.grad.numpy() for k, p in model.named_parameters()},
        **{f"stat/{k}": v.numpy() for k, v in model.state_dict().items() if "running" in k},
    }  # fmt: skip


def explanations(model, size, ends) -> dict[str, np.ndarray]:
    """Heat maps of one photograph's most probable class."""
    from captum.attr import IntegratedGradients, Occlusion
    from pytorch_grad_cam import GradCAM, GradCAMPlusPlus
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model = model.double().eval()
    images = photos(size)[:1].astype(np.float64)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    target = int(model(x).argmax())
    found = {"images": images, "target": np.array(target)}
    for row in EXPLAINED_ROWS:
        layer = model.get_submodule(ends[row])
        for name, kind in (("grad_cam", GradCAM), ("grad_cam_plus_plus", GradCAMPlusPlus)):
            with kind(model, [layer]) as method:
                found[f"{name}/{row}"] = method(x, [ClassifierOutputTarget(target)])[0]
    integrated = IntegratedGradients(model).attribute(x, target=target, n_steps=8)
    occluded = Occlusion(model).attribute(
        x, sliding_window_shapes=(3, 120, 120), strides=(3, 100, 100), target=target
    )
    return found | {
        "integrated_gradients": channels_last(integrated)[0],
        "occlusion": channels_last(occluded)[0],
    }


def main(folder: Path) -> None:
    """Writes every file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, size, ends, heads) in PEERS.items():
        torch.manual_seed(0)
        model = make()
        randomise(model)
        if name.startswith("timm"):
            from safetensors.torch import save_file

            save_file(model.state_dict(), folder / f"{name}.safetensors")
        else:
            torch.save(model.state_dict(), folder / f"{name}.pth")
        np.savez(folder / f"{name}.npz", **forward(model, size, ends, heads))
        if name == EXPLAINED:  # a copy, since it leaves gradients
            found = explanations(copy.deepcopy(model), size, ends)
            np.savez(folder / f"{name}.explain.npz", **found)
        if name in STEPS:  # last, since it moves the averages
            np.savez(folder / f"{name}.step.npz", **step(model, size, heads))
        print(folder / name, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
