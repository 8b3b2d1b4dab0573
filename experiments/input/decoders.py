r"""Which library decodes a random crop of a JPEG fastest, and to which pixels.

    pip install simplejpeg opencv-python-headless pillow pyvips pyvips-binary imagecodecs \
        tensorstore kornia-rs nvidia-nvimgcodec-cu12 turbojpeg
    python experiments/input/decoders.py FOLDER [--rounds=3]

Each library that is installed decodes the same box (GoogLeNet's, 8 to 100% of the area) of every
image, one thread, libraries in turn; those without regions decode the whole image. The table has
the median milliseconds an image, the best of them first, and the mean difference in grey levels
from simplejpeg's pixels.
"""

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inception_jax.data.images import crops, turbojpeg
from inception_jax.data.images.picture import Box

Decoder = Callable[[bytes, Box], np.ndarray]


def inside(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box.y : box.y + box.height, box.x : box.x + box.width]


def simplejpeg() -> Decoder:
    import simplejpeg

    return lambda data, box: inside(simplejpeg.decode_jpeg(data, "RGB"), box)


def simplejpeg_fast() -> Decoder:
    import simplejpeg

    return lambda data, box: inside(
        simplejpeg.decode_jpeg(data, "RGB", fastdct=True, fastupsample=True), box
    )


def opencv() -> Decoder:
    import cv2

    def decode(data: bytes, box: Box) -> np.ndarray:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert pixels is not None
        return inside(pixels, box)

    return decode


def pillow() -> Decoder:
    from PIL import Image

    return lambda data, box: inside(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), box)


def pyvips() -> Decoder:
    import pyvips  # pyright: ignore[reportMissingImports]

    def decode(data: bytes, box: Box) -> np.ndarray:
        image = pyvips.Image.new_from_buffer(data, "", access="sequential").colourspace("srgb")
        return image.crop(box.x, box.y, box.width, box.height).numpy()

    return decode


def imagecodecs() -> Decoder:
    import imagecodecs  # pyright: ignore[reportMissingImports]

    def decode(data: bytes, box: Box) -> np.ndarray:
        return inside(imagecodecs.jpeg8_decode(data, outcolorspace="RGB"), box)

    return decode


def kornia_rs() -> Decoder:
    import kornia_rs  # pyright: ignore[reportMissingImports]

    return lambda data, box: inside(kornia_rs.io.decode_image_jpeg(data), box)


def nvimgcodec() -> Decoder:
    from nvidia import nvimgcodec as n  # pyright: ignore[reportMissingImports]

    decoder = n.Decoder(
        device_id=n.NVIMGCODEC_DEVICE_CPU_ONLY, max_num_cpu_threads=1,
        backends=[n.Backend(n.CPU_ONLY)],
    )  # fmt: skip
    rgb = n.DecodeParams(apply_exif_orientation=False, color_spec=n.ColorSpec.SRGB)

    def decode(data: bytes, box: Box) -> np.ndarray:
        region = n.Region(box.y, box.x, box.y + box.height, box.x + box.width)
        part = n.CodeStream(data).get_sub_code_stream(region=region)
        return np.asarray(decoder.decode(part, params=rgb).cpu())

    return decode


def libjpeg_turbo() -> Decoder:
    if turbojpeg.library() is None:
        raise ImportError

    def decode(data: bytes, box: Box) -> np.ndarray:
        header = turbojpeg.header(data)
        assert header is not None
        part = turbojpeg.decode(data, header, *box)
        assert part is not None
        return part

    return decode


DECODERS = {
    "simplejpeg, whole": simplejpeg,
    "simplejpeg, whole, fast DCT and upsampling": simplejpeg_fast,
    "OpenCV, whole": opencv,
    "Pillow, whole": pillow,
    "libvips, lines down to the box": pyvips,
    "imagecodecs, whole": imagecodecs,
    "kornia-rs, whole": kornia_rs,
    "nvImageCodec on the CPU, region": nvimgcodec,
    "libjpeg-turbo 3 (data/turbojpeg.py), region": libjpeg_turbo,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    ready: dict[str, Decoder] = {}
    for name, make in DECODERS.items():
        try:
            ready[name] = make()
        except (ImportError, AttributeError) as e:
            print(f"not here: {name} ({e})", file=sys.stderr)
    files = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    rng, images = np.random.default_rng(0), []
    reference = simplejpeg()
    for path in files:
        data = path.read_bytes()
        header = turbojpeg.header(data)
        if header is None:
            continue
        box = crops.inception_box(rng, header.height, header.width, (0.08, 1.0), (3 / 4, 4 / 3))
        images.append((data, box))
    apart: dict[str, float] = {}
    for name, decode in list(ready.items()):
        try:
            differences = [
                np.abs(decode(d, b).astype(np.int16) - reference(d, b)).mean()
                for d, b in images[:100]
            ]
            apart[name] = float(np.mean(differences))
        except Exception as e:
            print(f"fails: {name} ({type(e).__name__}: {e})", file=sys.stderr)
            del ready[name]
    times: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(args.rounds):
        for name, decode in ready.items():
            began = time.perf_counter()
            for data, box in images:
                decode(data, box)
            times[name].append(1e3 * (time.perf_counter() - began) / len(images))
    first = statistics.median(times["simplejpeg, whole"])
    print(
        f"{len(images)} images\n\n| decoder | ms | speed | grey levels apart |\n|---|---|---|---|"
    )
    for name in sorted(times, key=lambda n: statistics.median(times[n])):
        ms = statistics.median(times[name])
        print(f"| {name} | {ms:.3f} | {first / ms:.2f} | {apart[name]:.3f} |")


if __name__ == "__main__":
    main()
