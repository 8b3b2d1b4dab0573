"""Prints the views of a protocol: boxes and scales for an image of a given size."""

import re
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError


def show(flags: Flags, config: Any, protocol: str, image: str) -> None:
    """Prints the views of an image of `image`, WIDTHxHEIGHT, for the config's input size."""
    from inception_jax.eval.protocols import from_data_section

    match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", image)
    if not match:
        raise ConfigError(f"--list={image}: expected WIDTHxHEIGHT in pixels, such as 500x375")
    width, height = int(match[1]), int(match[2])
    rule = from_data_section(config.data, protocol)
    views = rule.views(height, width)
    rows = [{**v._asdict(), "part": v.part._asdict(), "box": v.box._asdict()} for v in views]

    def text() -> str:
        lines = [
            f"{protocol} for {rule.size} pixels, an image of {width} x {height}: {rule.count} "
            f"view{'s' if rule.count > 1 else ''}, {len(views)} distinct, resized by "
            f"{rule.interpolation}",
            "  part of the image        resized to   box                      mirrored  times",
        ]
        for v in views:
            size, mirror = f"{v.width}x{v.height}", "yes" if v.mirror else ""
            boxes = f"  {_box(v.part):<23}  {size:<11}  {_box(v.box):<23}"
            lines.append(f"{boxes}  {mirror:<8}  {v.times:>5}")
        return "\n".join(lines)

    flags.print({"protocol": vars(rule), "image": [height, width], "views": rows}, text)


def _box(box: Any) -> str:
    """Formats a box as `224x224+32+0`: width, height, first column, first row."""
    return f"{box.width}x{box.height}+{box.x}+{box.y}"
