"""inception-jax fid DIR_A DIR_B --workdir=DIR [--save=STATS.npz] [--json]

Compares two sets of images: FID, KID (mean and standard deviation over random subsets), and the
Inception Score of each set. Every image below a folder counts once, uncropped, resized to 299x299
as in pytorch-fid. Unreadable images are reported and skipped; more than 1% end the command.

--workdir names the network. Published numbers are from one network, whose weights pytorch-fid
offers for download (without --workdir the error prints the URL); reading them needs torch:

  inception-jax import pytorch-fid:inception_v3 pt_inception-2015-12-05-6726825d.pth --out=runs/fid

A DIR may also be a .npz file: statistics (mu, sigma) written by pytorch-fid or --save, which give
FID only, or features written by `predict --features=pool`, which give FID and KID (predict rounds
resized pixels, so the numbers are close to a folder's, not equal). --save=STATS.npz saves DIR_A's
statistics, also if it is the only set, so that a reference is computed once.
"""  # noqa: D415

from pathlib import Path
from typing import Any

from inception_jax import config as configs
from inception_jax.cli import pages
from inception_jax.cli.flags import Flags
from inception_jax.data.sources.left_out import LeftOut
from inception_jax.errors import ConfigError

# The name ends in the first digits of the SHA-256, as in torch.hub.
URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
FILE, SHA256 = "pt_inception-2015-12-05-6726825d.pth", "6726825d"
MAKE = (
    f"To create it from the published FID weights, download\n  {URL}{FILE}\nthen run\n"
    f"  inception-jax import pytorch-fid:inception_v3 {FILE} --out=runs/fid\n"
    f"(reading a .pth needs torch) and give --workdir=runs/fid"
)


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("fid", __doc__).arguments("two folders of images", "real generated", 0, 2)
    flags.json("print one JSON object")
    flags.path("workdir", "", "workdir from `inception-jax import`; not needed for .npz files")
    flags.whole("step", None, "step to use; the newest if not given")
    flags.whole("batch_size", 32, "images per forward pass; does not change the numbers", low=1)
    flags.whole("kid_subsets", 100, "random subsets for KID", low=1)
    flags.whole("kid_subset_size", 1000, "images per subset of KID", low=2)
    flags.whole("splits", 10, "parts for the Inception Score", low=1)
    flags.whole("seed", 2020, "of the subsets and parts; torch-fidelity's")
    flags.path("save", "", "file for the statistics of DIR_A, .npz")
    values = flags.parse(argv)
    paths, save = [Path(w) for w in flags.words], Path(values.save) if values.save else None
    _check(paths, save)
    if values.seed >= 2**32:
        raise ConfigError(f"--seed={values.seed}: expected a whole number below {2**32}")
    if not any(p.is_dir() for p in paths):
        flags.unused("without a folder of images", "workdir", "step", "batch_size")
    network = FidNetwork(values) if any(p.is_dir() for p in paths) else None
    from inception_jax.eval.predict import image_files
    from inception_jax.fid import compare, image_set

    # A bad file or an empty folder is found before features of the other one are computed.
    inputs = [image_files([path]) if path.is_dir() else image_set.read(path) for path in paths]
    sets: list[Any] = []
    for path, files in zip(paths, inputs, strict=True):
        if network and isinstance(files, tuple):
            files = network.extractor.extract(path, *files, values.batch_size)
        sets.append(files)
        if save and len(sets) == 1:
            sets[0].save(save)
    found = compare.compare(
        sets, values.kid_subsets, values.kid_subset_size, values.splits, values.seed
    )
    found["network"] = network.name if network else None
    found["notes"] = [*(network.notes if network else []), *found["notes"]]
    written = [f"written: {save}, the statistics of {paths[0]}"] if save else []
    flags.print(found, lambda: "\n".join([*_lines(found), *written]))


def _check(paths: list[Path], save: Path | None) -> None:
    """Checks the arguments before anything is read."""
    if len(paths) < (1 if save else 2):
        raise ConfigError(
            "expected two folders of images, for example: inception-jax fid real generated"
        )
    for path in paths:
        if not path.exists():
            raise ConfigError(
                f"expected a folder of images or a .npz file, found nothing at {path}"
            )
        if not (path.is_dir() or path.suffix == ".npz"):
            raise ConfigError(f"expected a folder of images or a file named *.npz, got {path}")
    if save and (save.suffix != ".npz" or not save.parent.is_dir()):
        raise ConfigError(f"--save={save}: expected a file named *.npz in an existing folder")


class FidNetwork:
    """The network of --workdir, and notes about it."""

    def __init__(self, values: Any):
        workdir = Path(values.workdir)
        if not values.workdir:
            raise ConfigError(f"expected --workdir=DIR of a network.\n{MAKE}")
        if not (workdir / "config.json").is_file():
            raise ConfigError(f"--workdir={workdir}: found no network there.\n{MAKE}")
        config = pages.of_run(values.workdir)
        configs.validate(config, of_run=True)
        from inception_jax.runtime import startup

        startup.start(config.model.dtype)
        from inception_jax.eval import predict
        from inception_jax.fid import image_set
        from inception_jax.weights.import_weights import read_source

        if (d := config.data).channels != 3 or d.dtype != "uint8":
            raise ConfigError(
                f"--workdir={workdir}: expected a network of RGB images, whose numbers are "
                f"comparable, got one of {d.channels} channels of {d.dtype}"
            )
        predictor = predict.Predictor(config, workdir, values.step)
        self.extractor = image_set.FeatureExtractor(predictor)
        model = predictor.model
        self.name = f"{model.NAME} ({model.dialect})"
        sha256 = read_source(workdir).get("sha256", "") if predictor.step == 0 else ""
        note = (
            f"{workdir} is {self.name}, not with the published FID weights ({FILE}): "
            f"its numbers are comparable with each other only"
        )
        published = model.dialect == "fid" and sha256.startswith(SHA256)
        self.notes = [] if published else [note]


def _lines(found: dict[str, Any]) -> list[str]:
    """The numbers, unreadable files and notes."""
    rows = []
    if found["fid"] is not None:
        rows.append(("FID", f"{found['fid']:.4f}"))
    if kid := found["kid"]:
        over = f"{kid['subsets']} subsets of {kid['subset_size']:,}"
        rows.append(("KID", f"{kid['mean']:.6f} ± {kid['std']:.6f} ({over})"))
    for s in found["sets"]:
        if score := s["inception_score"]:
            over = f"{s['images']:,} images, {score['splits']} parts"
            text = f"{score['mean']:.4f} ± {score['std']:.4f} ({over})"
            rows.append((f"Inception Score of {s['path']}", text))
    width = max(len(name) for name, _ in rows) if rows else 0
    unreadable = [item for s in found["sets"] for item in s["unreadable"].items()]
    return [
        *(f"{name.ljust(width)}  {text}" for name, text in rows),
        *(f"unreadable {name}: {reason}" for name, reason in unreadable),
        *(line for s in found["sets"] for line in LeftOut(s["left_out"]).lines(s["path"])),
        *(f"note: {note}" for note in found["notes"]),
    ]
