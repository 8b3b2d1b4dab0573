"""The views of a protocol, printed: which box of an image of a given size, at which scale."""

import json
import re
from typing import Any

from inception_jax.errors import ConfigError


def show(config: Any, protocol: str, given: str, as_json: bool) -> None:
    """Prints the views of an image of `given`, WIDTHxHEIGHT, for the config's input size.

    Raises:
        ConfigError: that is no size.
    """
    from inception_jax.eval.protocols import of_page

    match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", given)
    if not match:
        raise ConfigError(f"--list={given}: expected WIDTHxHEIGHT in pixels, such as 500x375")
    width, height = int(match[1]), int(match[2])
    rule = of_page(config.data, protocol)
    found = rule.views(height, width)
    if as_json:
        rows = [{**v._asdict(), "part": v.part._asdict(), "box": v.box._asdict()} for v in found]
        print(json.dumps({"protocol": vars(rule), "image": [height, width], "views": rows}))
        return
    print(
        f"{protocol} for {rule.size} pixels, an image of {width} x {height}: {rule.count} "
        f"view{'s' if rule.count > 1 else ''}, {len(found)} of them different\n"
        f"  part of the image        resized to   box                      mirrored  times"
    )
    for v in found:
        resized = f"{v.width}x{v.height}"
        mirror = "yes" if v.mirror else ""
        print(f"  {_box(v.part):<23}  {resized:<11}  {_box(v.box):<23}  {mirror:<8}  {v.times:>5}")


def _box(box: Any) -> str:
    """`224x224+32+0`: width, height, first column, first row."""
    return f"{box.width}x{box.height}+{box.x}+{box.y}"
