"""inception-jax fid DIR_A DIR_B --workdir=DIR [--save=STATS.npz] [--json]

How far two sets of images are apart: FID, KID (mean and standard deviation over random subsets),
and the Inception Score of each set. All images below a folder count, each once: whole, stretched to
299x299 as pytorch-fid does it. Unreadable ones are named and left out; above 1% it ends.

--workdir is a network's. Published numbers are of one network, whose file pytorch-fid offers for
download (without --workdir the error says where); reading it needs torch:

  inception-jax import pytorch-fid:inception_v3 pt_inception-2015-12-05-6726825d.pth --out=runs/fid

A DIR may also be a .npz: statistics (mu, sigma) as pytorch-fid and --save write them, which give
FID alone, or what `predict --features=pool` wrote, which gives FID and KID (of images in whole grey
levels, as predict resizes them: close to a folder's, not equal). --save=STATS.npz keeps DIR_A's
statistics, also when it is the only set: a reference is then computed once.
"""  # noqa: D415

import json
from pathlib import Path
from typing import Any

from inception_jax.cli.flags import Flags
from inception_jax.errors import ConfigError

# Its name ends in the first digits of its SHA-256, as torch.hub has it.
URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
FILE, SHA256 = "pt_inception-2015-12-05-6726825d.pth", "6726825d"
MAKE = (
    f"To make one of the published FID weights, download\n  {URL}{FILE}\nthen run\n"
    f"  inception-jax import pytorch-fid:inception_v3 {FILE} --out=runs/fid\n"
    f"(reading a .pth needs torch) and give --workdir=runs/fid"
)


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("fid", __doc__ or "")
    flags.text("workdir", "", "directory that `inception-jax import` made; .npz files need none")
    flags.whole("step", None, "step to use; the newest if not given")
    flags.whole("batch_size", 32, "images a pass; the numbers do not depend on it", low=1)
    flags.whole("kid_subsets", 100, "random subsets for KID", low=1)
    flags.whole("kid_subset_size", 1000, "images a subset of KID", low=2)
    flags.whole("splits", 10, "parts for the Inception Score", low=1)
    flags.whole("seed", 2020, "of the subsets and parts; torch-fidelity's")
    flags.text("save", "", "file for the statistics of DIR_A, .npz")
    flags.switch("json", "print one JSON object")
    values = flags.parse(argv, words=2)
    paths, save = [Path(w) for w in flags.words], Path(values.save) if values.save else None
    _check(paths, save)
    if values.seed >= 2**32:
        raise ConfigError(f"--seed={values.seed}: expected a whole number below {2**32}")
    network = FidNetwork(values) if any(p.is_dir() for p in paths) else None
    from inception_jax.eval.predict import image_files
    from inception_jax.fid import compare, image_set

    # A bad file or an empty folder is found before the network has looked at the other one.
    there = [image_files([path]) if path.is_dir() else image_set.read(path) for path in paths]
    sets: list[Any] = []
    for path, files in zip(paths, there, strict=True):
        sets.append(network.look(path, files) if network and isinstance(files, list) else files)
        if save and len(sets) == 1:
            sets[0].save(save)
    found = compare.compare(
        sets, values.kid_subsets, values.kid_subset_size, values.splits, values.seed
    )
    found["network"] = network.name if network else None
    found["notes"] = [*(network.notes if network else []), *found["notes"]]
    if values.json:
        print(json.dumps(found))
        return
    _show(found)
    if save:
        print(f"written: {save}, the statistics of {paths[0]}")


def _check(paths: list[Path], save: Path | None) -> None:
    """What is wrong with the words, found before anything is read."""
    if len(paths) < (1 if save else 2):
        raise ConfigError(
            "expected two folders of images, for example: inception-jax fid real made"
        )
    for path in paths:
        if not path.exists():
            raise ConfigError(
                f"expected a folder of images or a .npz file, found nothing at {path}"
            )
        if not (path.is_dir() or path.suffix == ".npz"):
            raise ConfigError(f"expected a folder of images or a file named *.npz, got {path}")
    if save and (save.suffix != ".npz" or not save.parent.is_dir()):
        raise ConfigError(f"--save={save}: expected a file named *.npz in a folder that is there")


class FidNetwork:
    """The network of --workdir, and what to say about it."""

    def __init__(self, values: Any):
        from inception_jax import config as configs
        from inception_jax.cli import pages

        workdir = Path(values.workdir)
        if not values.workdir:
            raise ConfigError(f"expected --workdir=DIR of a network that looks at images.\n{MAKE}")
        if not (workdir / "config.json").is_file():
            raise ConfigError(f"--workdir={workdir}: found no network there.\n{MAKE}")
        config: Any = pages.of_run(values.workdir)
        configs.validate(config)
        from inception_jax.runtime import startup

        startup.start(config.model.dtype)
        from inception_jax.eval import predict
        from inception_jax.fid import image_set
        from inception_jax.weights.import_weights import read_source

        predictor = predict.Predictor(config, workdir, values.step)
        self._viewer, self._batch = image_set.FeatureExtractor(predictor), values.batch_size
        model = predictor.model
        self.name = f"{model.NAME} ({model.dialect})"
        self.notes = []
        sha256 = read_source(workdir).get("sha256", "") if predictor.step == 0 else ""
        if model.dialect != "fid" or not sha256.startswith(SHA256):
            self.notes += [
                f"{workdir} is {self.name}, not with the published FID weights ({FILE}): "
                f"its numbers compare with one another only"
            ]

    def look(self, folder: Path, files: list[Path]) -> Any:
        """The set of the images `files` below a folder."""
        return self._viewer.look(folder, files, self._batch)


def _show(found: dict[str, Any]) -> None:
    """The numbers, then what limits them."""
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
    for name, text in rows:
        print(f"{name.ljust(width)}  {text}")
    for s in found["sets"]:
        for name, reason in s["unreadable"].items():
            print(f"unreadable {name}: {reason}")
    for note in found["notes"]:
        print(f"note: {note}")
