"""Tests every page in configs/: it loads, its rules hold, its network fits its images."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from inception_jax import config as cfg
from inception_jax import models
from inception_jax.cli import pages, sweeps
from inception_jax.config import counted
from inception_jax.models import from_config
from inception_jax.sweep import grid, search
from inception_jax.train import optim

PAGES = sorted((Path(__file__).resolve().parent.parent / "configs").glob("*.py"))
# Arguments that change what is built, beyond the defaults.
ARGUMENTS = {
    "googlenet": ["dialect=slim", "dialect=torchvision", "naive"],
    "bn_inception": ["rate=5,dialect=slim"],
    "inception_v2": ["rmsprop,smoothing=0.1,dialect=paper"],
    "inception_v3": ["aux=false,replicas=1", "smoothing=0.0,dtype=float32"],
    "cifar10": ["on=gpu", "width=0.5,lr=0.1,epochs=2,batch=128"],
    "modern": ["model=googlenet,budget=a3", "model=inception_resnet_v1,budget=a3"],
    "finetune": ["model=googlenet,image=224", "model=googlenet,image=32,stem=small,width=0.5"],
}
# Of modern.py, for every network: its sections and rules only.
MODERN = [
    f"model={name},{which}"
    for name in models.names()
    for which in ("budget=a1", "budget=a2", "budget=a3", "recipe=mixup200")
]
# Other arguments.
VALUES = {"bn_inception": ["rate=1"], "inception_v3": ["tpu"], "inception_v4": ["tpu,replicas=16"]}
NARROW = ("digits", "cifar10", "finetune", "multichannel")
SWEEPS = [*PAGES, *sorted((PAGES[0].parents[1] / "experiments").glob("*/page.py"))]
CASES = [(p, "") for p in PAGES] + [(p, a) for p in PAGES for a in ARGUMENTS.get(p.stem, [])]
QUICK = [case for case in CASES if case[0].stem in NARROW and not case[1]]
MORE = [(p, a) for p in PAGES for a in VALUES.get(p.stem, [])]


def load(path: Path, argument: str = ""):
    config = pages.load(f"{path}:{argument}" if argument else str(path))
    if config.data.source == "folder":
        config.data.dir = "anywhere"
    return config


def named(case) -> str:
    return case.stem if isinstance(case, Path) else case


def test_there_are_pages():
    """Those of the README's commands, and one for every network."""
    networks = set(models.names()) - {"googlenet_naive"}  # an argument of googlenet's page
    assert {"digits", "cifar10", "cifar100", *networks} <= {p.stem for p in PAGES}
    assert set(ARGUMENTS) <= {p.stem for p in PAGES}


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_it_opens_with_paper_command_time_and_number(path):
    """The first lines have the command and the published number, or that there is none."""
    doc = path.read_text().split('"""')[1]
    command = (
        rf"^    (?:\w+=\S+ +)?inception-jax train --config=configs/{path.name} .*--workdir=runs/\w+"
    )
    assert re.search(command, doc.replace("\\\n", ""), re.MULTILINE)
    assert re.search(r"arXiv:\d{4}\.\d{4,5}|[Nn]o paper", doc), "the paper, or that there is none"
    assert re.search(r"\btime\b", doc, re.IGNORECASE), "the expected time"
    assert re.search(r"top-1|top-5|experiments/\w+|README", doc), "the number, or where it stands"


@pytest.mark.parametrize(("path", "argument"), CASES + MORE, ids=named)
def test_sections_and_rules(path, argument):
    """All twelve sections, all keys, every rule; the whole config as one would save it."""
    config = load(path, argument)
    cfg.validate(config)
    tree = cfg.ordered(config)
    assert tuple(tree) == cfg.SECTIONS
    assert [k for k, _ in cfg.flatten(tree)] == list(cfg.RULES)
    text = path.read_text()
    places = [re.search(rf"^        {name}=", text, re.MULTILINE) for name in cfg.SECTIONS]
    assert all(places), "a section is not written out in the page"
    starts = [p.start() for p in places]
    assert starts == sorted(starts), "the sections are not in the order of SECTIONS"


@pytest.mark.parametrize(
    ("path", "argument"),
    [pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow) for case in CASES],
    ids=named,
)
def test_its_network_and_optimiser_build(path, argument):
    """Shapes only: the network takes the page's images, and gives the page's classes."""
    config = load(path, argument)
    if config.data.classes == counted.AUTO:
        counted.fill_in(config, 2, "train")
    d = config.data
    model = from_config.build_model(config.model, d.channels)
    images = jax.ShapeDtypeStruct((2, d.image_size, d.image_size, d.channels), jnp.float32)
    key = jax.random.key(0)
    out, variables = jax.eval_shape(lambda x: model.init_with_output(key, x), images)
    assert out.logits.shape == (2, config.model.num_classes)
    tx, rate = optim.build(config.optim, epochs=config.train.epochs, steps_per_epoch=10.0)
    jax.eval_shape(tx.init, variables["params"])
    assert 0 <= float(rate(jnp.asarray(0))) <= config.optim.lr * (1 + 1e-6)


@pytest.mark.parametrize("argument", MODERN)
def test_the_modern_page_has_every_network(argument):
    """Every rule holds, and the network has what the page says: its dialect, no head, its size."""
    config = load(PAGES[0].parent / "modern.py", argument)
    cfg.validate(config)
    model = from_config.build_model(config.model, config.data.channels)
    assert not model.aux and config.data.image_size <= model.preprocessing.image_size
    assert config.data.eval_size in (0, model.preprocessing.image_size)
    assert (model.switches.norm is None) == (model.NAME == "googlenet_naive")
    assert not config.data.batch_size % (16 * 2)  # pairs of images on each of 16 devices


@pytest.mark.slow
@pytest.mark.parametrize("name", models.names())
def test_networks_of_the_modern_page_take_its_smallest_images(name):
    """Those of A3, by shapes."""
    config = load(PAGES[0].parent / "modern.py", f"model={name},budget=a3")
    table = models.describe(
        from_config.build_model(config.model, config.data.channels), config.data.image_size
    )
    assert table.rows[-3].grid[0] in (5, 7)


@pytest.mark.parametrize("path", SWEEPS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_row_of_its_sweeps_is_a_config(path, monkeypatch):
    """Each row of a sweep, and each suggestion of a search, gives a valid config."""
    monkeypatch.chdir(PAGES[0].parents[1])
    claim = ":claim=two_small_for_one_large" if path.parent.name == "claims" else ""
    given = f"{path}{claim}"
    functions = pages.functions(given)
    for name in [n for n in functions if n.startswith(grid.PREFIX)]:
        for row in grid.product(functions, name):
            assert sweeps.build(given, ["--config.data.dir=anywhere"], row)
    if "search" in functions:
        search.rehearse(functions["search"], lambda row: sweeps.build(given, [], row))


def test_some_pages_have_sweeps():
    """The README's second command needs those of the digits."""
    assert {"sweep_lr", "sweep_seed", "search"} <= set(pages.functions("configs/digits.py"))
