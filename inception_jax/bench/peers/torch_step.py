"""A train or eval step of torchvision or timm, channels last, on one random batch."""

import argparse
import json

import torch
from timed import asked, rate

HEADS = 0.3  # weight of each auxiliary classifier


def network(name: str) -> torch.nn.Module:
    """Torchvision's, with its heads, or timm's."""
    if name in ("googlenet", "inception_v3"):
        import torchvision

        return getattr(torchvision.models, name)(weights=None, aux_logits=True, init_weights=False)
    import timm

    return timm.create_model(name)


class Steps:
    """Steps of a network on one device, in its own layout for images."""

    def __init__(self, given: argparse.Namespace):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.given = given
        self.model = network(given.model).to(self.device, memory_format=torch.channels_last)
        self.model.train(given.mode == "train")
        images = torch.randn(given.batch, 3, given.size, given.size, device=self.device)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(0, 1000, (given.batch,), device=self.device)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=1e-3, momentum=0.9)

    def forward(self) -> list[torch.Tensor]:
        """The logits, and those of the heads if there are any."""
        narrow = self.given.dtype == "bfloat16"
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=narrow):
            out = self.model(self.images)
        return [x for x in out if x is not None] if isinstance(out, tuple) else [out]

    def train(self) -> None:
        """One step of SGD."""
        self.optimiser.zero_grad(set_to_none=True)
        losses = [torch.nn.functional.cross_entropy(x.float(), self.labels) for x in self.forward()]
        total = losses[0] + HEADS * sum(losses[1:])
        total.backward()
        self.optimiser.step()
        float(total.detach())  # waits for the device

    def eval(self) -> None:
        """The logits of one batch."""
        with torch.inference_mode():
            self.forward()
        if self.device == "cuda":
            torch.cuda.synchronize()


if __name__ == "__main__":
    torch.manual_seed(0)
    given = asked(__doc__, "inception_v3")
    steps = Steps(given)
    found = {"images_per_s": rate(getattr(steps, given.mode), given)}
    print(json.dumps(found | {"device": "gpu" if steps.device == "cuda" else "cpu"}))
