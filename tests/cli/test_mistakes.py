"""Tests that every mistake ends in code 78 with one message, and processes within five seconds."""

import fcntl
import json
import time
from pathlib import Path

import pytest

from inception_jax import cli
from inception_jax.workdir import class_names

SECONDS = 5.0  # the promise; a process that imports JAX takes 1.5 to 2.5 on two idle cores
DIGITS = "--config=configs/digits.py"
RUN = "--workdir={tmp}/run"
TRAIN = ("train", DIGITS, RUN)
LAYER = "layer conv|layer mixed|layer pool"  # whichever the images are too small for

# name, command line, what the message must say ("a|b": one of them)
SPELLING = [
    ("section", (*TRAIN, "--config.optin.lr=0.1"), ["--config.optin.lr", "--config.optim.lr"]),
    ("key", (*TRAIN, "--config.optim.momentun=0.9"), ["momentun", "--config.optim.momentum?"]),
    ("foreign key", (*TRAIN, "--config.optim.learning_rate=1"), ["--config.optim.lr?"]),
    ("key's section", (*TRAIN, "--config.train.batch_size=8"), ["--config.data.batch_size?"]),
    ("hopeless key", (*TRAIN, "--config.qqq=8"), ["--config.qqq", "sections are seed, data"]),
    ("section as key", (*TRAIN, "--config.data=3"), ["--config.data", "image_size"]),
    ("no dashes", (*TRAIN, "config.optim.lr=0.3"), ["write --config.optim.lr=0.3"]),
    ("one dash", (*TRAIN, "-config.optim.lr=0.3"), ["write --config.optim.lr=0.3"]),
    ("left-over word", (*TRAIN, "fast"), ["'fast'", "two dashes"]),
    ("unknown flag", (*TRAIN, "--worker=2"), ["--worker", "did you mean --workdir?"]),
    ("key as flag", (*TRAIN, "--lr=2"), ["--lr", "did you mean --config.optim.lr?"]),
    ("no value", (*TRAIN, "--config.optim.lr"), ["--config.optim.lr", "got no value"]),
    (
        "flag as value",
        ("train", DIGITS, "--workdir", "--allow_config_change"),
        ["--workdir=VALUE", "before --allow"],
    ),
    (
        "renamed key",
        (*TRAIN, "--config.optim.trunk=0"),
        ["--config.optim.trunk is now --config.optim.backbone_lr"],
    ),
    ("no page", ("train", RUN), ["--config=PAGE", "configs/digits.py"]),
    ("no workdir", ("train", DIGITS), ["--workdir=DIR"]),
    ("no command", ("trian", DIGITS, RUN), ["'trian'", "did you mean 'train'?"]),
    ("flag first", (DIGITS, "train", RUN), ["inception-jax train --config"]),
    ("page without flag", ("config", DIGITS, "a.py"), ["'a.py'", "write --config=a.py"]),
    ("page twice", (*TRAIN, "--config=b.py"), ["--config", "twice"]),
]
PAGES = [
    ("page path", ("train", "--config=configs/digit.py", RUN), ["digit.py", "configs/digits.py?"]),
    ("page syntax", ("train", "--config={tmp}/syntax.py", RUN), ["syntax.py, line 1", "def get_"]),
    ("page raises", ("train", "--config={tmp}/raises.py", RUN), ["raises.py, line 2", "1 / 0"]),
    ("no get_config", ("train", "--config={tmp}/empty.py", RUN), ["empty.py", "get_config(arg)"]),
    ("returns None", ("train", "--config={tmp}/none.py", RUN), ["none.py", "got NoneType"]),
    ("no argument", ("train", "--config={tmp}/none.py:a=1", RUN), ["takes no argument"]),
    ("page section", ("train", "--config={tmp}/section.py", RUN), ["section.py", "lacks ema"]),
    ("page lacks", ("train", "--config={tmp}/lacks.py", RUN), ["lacks.py", "lacks ema.decay"]),
    (
        "page key",
        ("train", "--config={tmp}/key.py", RUN),
        ["'ema.dekay'", "did you mean 'ema.decay'"],
    ),
    (
        "page's old keyword",
        ("train", "--config={tmp}/keyword.py", RUN),
        ["keyword.py", "'optim.factor' is now 'optim.decay_rate'"],
    ),
    ("argument", ("train", DIGITS + ":epocs=3", RUN), ["'epocs'", "did you mean 'epochs'?"]),
    ("argument type", ("train", DIGITS + ":epochs=x", RUN), ["epochs=x", "expected a number"]),
]
VALUES = [
    ("text for int", (*TRAIN, "--config.data.batch_size=big"), ["batch_size=big", "whole number"]),
    ("1e3 for int", (*TRAIN, "--config.data.batch_size=1e3"), ["batch_size=1e3", "whole number"]),
    ("nan", (*TRAIN, "--config.optim.lr=nan"), ["--config.optim.lr=nan", "finite number above 0"]),
    ("inf", (*TRAIN, "--config.train.epochs=inf"), ["--config.train.epochs=inf", "finite number"]),
    ("negative", (*TRAIN, "--config.optim.lr=-0.1"), ["--config.optim.lr=-0.1", "above 0"]),
    ("zero batch", (*TRAIN, "--config.data.batch_size=0"), ["batch_size=0", "at least 1"]),
    ("bool for float", (*TRAIN, "--config.model.dropout=true"), ["dropout=true", "at most 0.99"]),
    ("float for bool", (*TRAIN, "--config.data.flip=0.5"), ["flip=0.5", "true or false"]),
    ("one for a pair", (*TRAIN, "--config.data.area=0.5"), ["area=(0.5,)", "two rising numbers"]),
    ("broken pair", (*TRAIN, "--config.data.area=(1,"), ["area=(1,", "two rising numbers"]),
    ("choice", (*TRAIN, "--config.optim.name=sdg"), ["optim.name=sdg", "'sgd'"]),
    ("huge seed", (*TRAIN, "--config.seed=9999999999"), ["--config.seed", "at most 2,147,483,647"]),
    ("bn_group", (*TRAIN, "--config.model.bn_group=7"), ["bn_group=7", "divisor", "64"]),
    ("accumulate", (*TRAIN, "--config.optim.accumulate=5"), ["accumulate=5", "batch_size=64"]),
    ("outputs", (*TRAIN, "--config.model.num_classes=5"), ["num_classes=5", "data.classes=10"]),
    ("no tracker", (*TRAIN, "--config.log.track=wandb"), ["log.track=wandb", "[track]"]),
]
FOLDER = (*TRAIN, "--config.data.source=folder", "--config.data.dir={tmp}/images")
TOO_SMALL = (*TRAIN, "--config.model.name=inception_v3", "--config.model.stem=paper",
             "--config.data.image_size=28", "--config.model.drop_rows=()")  # fmt: skip
TFDS = (*TRAIN, "--config.data.source=tfds", "--config.data.dir={tmp}")
BUILT = [
    ("model", (*TRAIN, "--config.model.name=googlnet"), ["--config.model", "mean 'googlenet'?"]),
    ("dialect", (*TRAIN, "--config.model.dialect=slimm"), ["dialect 'slimm'", "mean 'slim'?"]),
    ("devices", (*TRAIN, "--config.data.batch_size=60"), ["batch_size=60", "multiple of 8"]),
    ("mesh", (*TRAIN, "--config.mesh.data=99"), ["--config.mesh.data=99", "the 8 devices"]),
    ("28 pixels", TOO_SMALL, ["--config.data.image_size=28", LAYER, "stem=small"]),
    ("classes", FOLDER, ["--config.data.classes=10", "expected 2"]),
    ("folder", (*FOLDER[:-1], "--config.data.dir={tmp}/imags"), ["data.dir", "imags is"]),
    ("split of a folder", (*FOLDER, "--config.data.train_split=trian"), ["trian", "has train"]),
    ("split", (*TRAIN, "--config.eval.split=tset"), ["split", "'tset'", "train or test"]),
    ("tfds", (*TFDS, "--config.data.name=imagenett"), ["data.name=imagenett"]),
    ("file in the way", ("train", DIGITS, "--workdir={tmp}/file"), ["--workdir", "file is not a"]),
    ("file above", ("train", DIGITS, "--workdir={tmp}/file/a"), ["--workdir", "/file is not a"]),
    ("other config", ("train", DIGITS, "--workdir={tmp}/other"),
     ["optim.lr: 0.7 there, 0.2 now", "--allow_config_change"]),
    ("in use", ("train", DIGITS, "--workdir={tmp}/locked"), ["--workdir", "process 1 on moon"]),
    ("no run", ("eval", "--workdir={tmp}/run"), ["--workdir", "run/config.json"]),
    ("damaged run", ("eval", "--workdir={tmp}/damaged"), ["--workdir", "damaged/config.json is"]),
    ("run's keys", ("eval", "--workdir={tmp}/old"), ["/old", "loss.l2", "start a new"]),
    ("another protocol's crop",
     ("predict", "{tmp}/images", "--workdir={tmp}/slim", "--config.data.eval_crop=0.5"),
     ["eval_crop=0.5", "`predict with eval.protocol=slim` does not use"]),
    ("no image", ("predict", "{tmp}/a.jpg", "--workdir={tmp}/other"), ["image", "{tmp}/a.jpg"]),
    ("no FID network", ("fid", "{tmp}/images", "{tmp}/images"),
     ["--workdir=DIR", "inception-jax import pytorch-fid:inception_v3 pt_inception-2015-12-05"]),
    ("nothing to compare with", ("fid", "{tmp}/images", "--workdir={tmp}/other"), ["two folders"]),
    ("nothing to predict", ("predict", "--workdir={tmp}/other"), ["predict photo.jpg"]),
]  # fmt: skip
OPTIM = [
    ("Muon's key", (*TRAIN, "--config.optim.fixed_norm=true"),
     ["optim.fixed_norm=True", "name=sgd", "name=muon"]),
    ("milestones", (*TRAIN, "--config.optim.milestones=(3.0,5.0)"),
     ["optim.milestones=(3.0, 5.0)", "schedule=piecewise"]),
    ("falling milestones", (*TRAIN, "--config.optim.milestones=(5.0,3.0)"),
     ["optim.milestones=(5.0, 3.0)", "rising numbers"]),
    ("one cycle", (*TRAIN, "--config.optim.schedule=onecycle", "--config.optim.warmup_epochs=0"),
     ["optim.warmup_epochs=0.0", "schedule=cosine"]),
    ("cold epochs", (*TRAIN, "--config.optim.cold_epochs=2"), ["cold_epochs=2.0", "warmup_start"]),
    ("floor", (*TRAIN, "--config.optim.floor=1.5"), ["optim.floor=1.5", "at most 1"]),
    ("lars", (*TRAIN, "--config.optim.name=lars", "--config.optim.momentum=0"),
     ["optim.momentum=0.0", "such as 0.9"]),
    ("betas", (*TRAIN, "--config.optim.betas=(0.9,1.0)"), ["optim.betas=(0.9, 1.0)", "below 1"]),
    ("loss scale", (*TRAIN, "--config.optim.loss_scale=1024"),
     ["optim.loss_scale=1024", "dtype=float16"]),
    ("float16", (*TRAIN, "--config.model.dtype=float16"),
     ["model.dtype=float16", "--config.optim.loss_scale=65536"]),
    ("a rate that does not fall", (*TRAIN, "--config.optim.schedule=exponential"),
     ["decay_rate=1.0", "schedule=exponential", "such as 0.94", "schedule=constant"]),
    ("late milestones", (*TRAIN, "--config.optim.schedule=piecewise",
     "--config.optim.decay_rate=0.1", "--config.optim.milestones=(30.0,60.0)"),
     ["milestones=(30.0, 60.0)", "train.epochs=30", "schedule=constant"]),
    ("no epsilon", (*TRAIN, "--config.optim.name=adam"),
     ["optim.eps=0.0", "name=adam", "--config.optim.eps=1e-08"]),
    ("Muon's epsilon", (*TRAIN, "--config.optim.name=muon", "--config.optim.eps=1"),
     ["optim.eps=1 ", "name=muon", "--config.optim.eps=1e-8"]),
    ("fixed norm of slow rows", (*TRAIN, "--config.optim.name=muon",
     "--config.optim.fixed_norm=true", "--config.optim.backbone_lr=0.1"),
     ["backbone_lr=0.1", "expected 1", "fixed_norm=false"]),
    ("sharp rows that do not learn", (*TRAIN, "--config.optim.sam=0.05",
     "--config.optim.unfreeze_epochs=1"), ["optim.sam=0.05", "--config.optim.unfreeze_epochs=0"]),
    ("rows that never learn", (*TRAIN, "--config.optim.unfreeze_epochs=20"),
     ["optim.unfreeze_epochs=20", "expected at most", "--config.train.epochs"]),
    ("trust without LARS", (*TRAIN, "--config.optim.trust=0.01"),
     ["optim.trust=0.01", "expected 0.001", "--config.optim.name=lars"]),
    ("no momentum", (*TRAIN, "--config.optim.momentum=0"),
     ["optim.nesterov=True", "expected False", "--config.optim.momentum=0.9"]),
    ("clipping what is frozen", (*TRAIN, "--config.optim.agc=0.1", "--config.optim.backbone_lr=0"),
     ["optim.agc=0.1", "expected 0.0", "--config.optim.backbone_lr=1"]),
    ("frozen rates", (*TRAIN, "--config.optim.backbone_lr=0", "--config.optim.layer_decay=0.8"),
     ["backbone_lr=0.0", "backbone_lr=1"]),
]  # fmt: skip
TEACHER = (*TRAIN, "--config.loss.teacher={tmp}/other")
SIZES = (*TRAIN, "--config.train.sizes=(12,)")
SAME = ("train", DIGITS, "--workdir={tmp}/same")
WHOLE_RUN = [
    ("sizes without ends", SIZES, ["size_epochs=()", "as many as train.sizes=(12,)"]),
    ("falling sizes", (*TRAIN, "--config.train.sizes=(24,)", "--config.train.size_epochs=(9.0,)"),
     ["train.sizes=(24,)", "below data.image_size=24"]),
    ("no full size", (*SIZES, "--config.train.size_epochs=(30.0,)"),
     ["size_epochs=(30.0,)", "below train.epochs=30.0"]),
    ("40 pixels", (*TOO_SMALL[:-2], "--config.data.eval_size=40", *TOO_SMALL[-1:]),
     ["--config.data.eval_size=40", LAYER, "larger images"]),
    ("no BatchNorm", (*TRAIN, "--config.train.recalibrate=9", "--config.model.dialect=paper"),
     ["train.recalibrate=9", "googlenet has no BatchNorm", "dialect=slim"]),
    ("frozen averages", (*TRAIN, "--config.train.recalibrate=9", "--config.optim.backbone_lr=0"),
     ["train.recalibrate=9", "backbone_lr=0", "frozen"]),
    ("too patient", (*TRAIN, "--config.train.patience=5"),
     ["train.patience=5", "at most 4", "every_epochs=5.0", "could not stop early",
      "--config.train.patience=4"]),
    ("temperature without a teacher", (*TRAIN, "--config.loss.temperature=4"),
     ["loss.temperature=4.0", "expected 1.0", "--config.loss.teacher=WORKDIR"]),
    ("no teacher", (*TRAIN, "--config.loss.teacher={tmp}/run"),
     ["--config.loss.teacher={tmp}/run", "name a workdir of `train` or `import`"]),
    ("untrained teacher", TEACHER, ["--config.loss.teacher={tmp}/other", "expected checkpoints"]),
    ("teacher of other classes", (*TRAIN, "--config.loss.teacher={tmp}/cats"),
     ["--config.loss.teacher={tmp}/cats", "of the 10 classes of this data ('0', ...)"]),
    ("teacher without weight", (*TEACHER, "--config.loss.teacher_weight=0"),
     ["teacher_weight=0.0", "expected a weight above 0"]),
    ("longer cosine", (*SAME, "--config.train.epochs=40"),
     ["train.epochs: 30.0 there, 40.0 now", "optim.schedule=cosine", "init={tmp}/same"]),
    ("shorter run", (*SAME, "--config.train.epochs=20"), ["made longer, not shorter"]),
]  # fmt: skip
MIXUP, ALTERNATING = "--config.augment.mixup=0.2", "--config.augment.flips=alternating"
BINARY = "--config.loss.name=binary_cross_entropy"
THRESHOLD = (*TRAIN, BINARY, "--config.loss.label_smoothing=0.1")
AUGMENT = [
    ("odd batch", (*TRAIN, MIXUP, "--config.data.batch_size=63"), ["batch_size=63", "an even"]),
    ("odd batch of a device", (*TRAIN, "--config.augment.cutmix=1", "--config.data.batch_size=24"),
     ["batch_size=24", "each of 8 devices, got 3", "augment.cutmix"]),
    ("mixed with itself", (*TRAIN, MIXUP, "--config.augment.repeats=64"),
     ["augment.repeats=64", "batch_size=64", "augment.mixup=0"]),
    ("negative alpha", (*TRAIN, "--config.augment.mixup=-0.2"), ["mixup=-0.2", "at least 0"]),
    ("mixed by pair", (*TRAIN, MIXUP, "--config.augment.mix_per=pair"),
     ["mix_per=pair", "'batch'", "'image'"]),
    ("erasing as percent", (*TRAIN, "--config.augment.erasing=25"), ["erasing=25", "at most 1"]),
    ("alternating nothing", (*TRAIN, "--config.data.flip=false", ALTERNATING),
     ["flips=alternating", "data.flip=true"]),
    ("alternating repeats", (*TRAIN, "--config.data.flip=true", ALTERNATING,
     "--config.augment.repeats=3"), ["augment.repeats=3", "flips=random"]),
    ("threshold of a softmax", (*TRAIN, "--config.loss.target_threshold=0.2"),
     ["target_threshold=0.2", "binary_cross_entropy"]),
    ("threshold above all", (*THRESHOLD, "--config.loss.target_threshold=0.95"),
     ["target_threshold=0.95", "at least 0.01 and less than 0.91", "or none"]),
    ("threshold below all", (*THRESHOLD, "--config.loss.target_threshold=0.005"),
     ["target_threshold=0.005", "at least 0.01"]),
    ("loss", (*TRAIN, "--config.loss.name=bce"), ["loss.name=bce", "'binary_cross_entropy'"]),
]  # fmt: skip
RAND = (*TRAIN, "--config.augment.policy=randaugment")
TORCHVISION = (*RAND, "--config.augment.operations=torchvision")
TRIVIAL = (*TRAIN, "--config.augment.policy=trivialaugment")
POLICY = [
    ("repeats", (*TRAIN, "--config.augment.repeats=3"), ["repeats=3", "divisor", "batch_size=64"]),
    ("policy's name", (*TRAIN, "--config.augment.policy=randaugmnt"), ["=randaugmnt", "'randaug"]),
    ("strong timm", (*RAND, "--config.augment.magnitude=15"),
     ["magnitude=15", "at most 10", "=torchvision"]),
    ("too strong", (*TORCHVISION, "--config.augment.magnitude=31"), ["magnitude=31", "at most 30"]),
    ("between two", (*TORCHVISION, "--config.augment.magnitude=8.5"),
     ["magnitude=8.5", "whole number", "=timm"]),
    ("torchvision's noise", (*TORCHVISION, "--config.augment.magnitude_std=0.5"),
     ["magnitude_std=0.5", "expected 0.0", "operations=timm"]),
    ("no operation", (*RAND, "--config.augment.num_ops=0"), ["num_ops=0", "at least 1"]),
]  # fmt: skip
NO_EFFECT = [
    (f"no effect {i}", (*words[:-1], f"--config.{words[-1]}"), [f"--config.{words[-1]}", *says])
    for i, (words, says) in enumerate([
        ((*TRIVIAL, "augment.num_ops=3"), ["expected 2", "augment.policy=randaugment"]),
        ((*TRIVIAL, "augment.magnitude=5.0"), ["expected 9.0", "augment.policy=randaugment"]),
        ((*TRIVIAL, "augment.magnitude_std=1.0"), ["expected 0.0", "augment.policy=randaugment"]),
        ((*TRAIN, "augment.num_ops=3"), ["expected 2", "augment.policy=randaugment"]),
        ((*TRAIN, "augment.magnitude=5.0"), ["expected 9.0", "augment.policy=randaugment"]),
        ((*TRAIN, "augment.magnitude_std=0.5"), ["expected 0.0", "augment.policy=randaugment"]),
        ((*TRAIN, "augment.operations=torchvision"), ["expected timm", "policy=randaugment"]),
        ((*TRAIN, "augment.mix_probability=0.5"), ["expected 1.0", "augment.mixup=0.2"]),
        ((*TRAIN, "augment.mix_per=image"), ["expected batch", "augment.mixup=0.2"]),
        ((*TRAIN, "augment.switch_probability=0.3"), ["expected 0.5", "augment.mixup=0.2"]),
        ((*TRAIN, MIXUP, "augment.switch_probability=0.3"), ["expected 0.5", "augment.cutmix=1"]),
        ((*TRAIN, MIXUP, "augment.mix_probability=0.0"), ["above 0", "augment.mixup=0"]),
        ((*TRAIN, "augment.erasing_fill=pixel"), ["expected const", "augment.erasing=0.25"]),
        ((*TRAIN, "data.pad=1"), ["expected 0", "data.crop=pad"]),
        ((*TRAIN, "--config.data.crop=central", "data.area=(0.5, 1.0)"),
         ["expected (0.08, 1.0)", "data.crop=inception"]),
        ((*TRAIN, "--config.data.area=(0.08,1.0)", "--config.data.crop=pad",
          "data.aspect=(0.5, 2.0)"), ["expected (0.75, 1.33", "data.crop=inception"]),
    ])
]  # fmt: skip
NETS = [
    (
        "whitened stem of another",
        (*TRAIN, "--config.model.name=inception_v3", "--config.model.stem=whitened"),
        ["--config.model.stem: stem='whitened'", "paper, small", "googlenet_naive have"],
    ),
    (
        "drop_path without shortcuts",
        (*TRAIN, "--config.model.drop_path=0.1"),
        ["--config.model.drop_path", "googlenet", "xception", "set drop_branch"],
    ),
    (
        "drop_branch with shortcuts",
        (
            *TRAIN,
            "--config.model.name=xception",
            "--config.model.dialect=",
            "--config.model.drop_branch=0.1",
        ),
        ["--config.model.drop_branch", "expected 0", "set drop_path"],
    ),
    (
        "drop_path of 1",
        (*TRAIN, "--config.model.drop_path=1.0"),
        ["--config.model.drop_path=1.0", "at most 0.99"],
    ),
    (
        "unknown protocol",
        (*TRAIN, "--config.eval.protocol=shifted"),
        ["--config.eval.protocol=shifted", "mirror", "shift"],
    ),
]
MISTAKES = [*SPELLING, *PAGES, *VALUES, *BUILT, *AUGMENT, *POLICY, *NO_EFFECT, *NETS]
MISTAKES += [*WHOLE_RUN, *OPTIM]


@pytest.fixture
def place(tmp_path, digits_config):
    """A directory with broken pages, an image folder, and runs in several states; one is locked."""
    good = Path("configs/digits.py").read_text()
    pages = {
        "syntax": "def get_config(:\n",
        "raises": "def get_config():\n    return 1 / 0\n",
        "empty": "x = 1\n",
        "none": "def get_config():\n    pass\n",
        "section": good.replace("ema=dict(decay=0.99),", ""),
        "lacks": good.replace("ema=dict(decay=0.99)", "ema=dict()"),
        "key": good.replace("ema=dict(decay=0.99)", "ema=dict(dekay=0.99)"),
        "keyword": good.replace(
            "cfg.cosine(lr=0.2, warmup_epochs=1.0)",
            "cfg.staircase(lr=0.2, factor=0.9, every_epochs=2.0)",
        ),
    }
    for name, text in pages.items():
        assert text != good
        (tmp_path / f"{name}.py").write_text(text)
    for name in ("train/cat/1.jpg", "train/dog/1.jpg"):
        (tmp_path / "images" / name).parent.mkdir(parents=True)
        (tmp_path / "images" / name).touch()
    old = {**digits_config, "loss": {"label_smoothing": 0.1, "aux_weight": 0.0}}
    other = {**digits_config, "optim": {**digits_config["optim"], "lr": 0.7}}
    runs = {"same": json.dumps(digits_config), "cats": json.dumps(digits_config)}
    slim = {**digits_config, "eval": {**digits_config["eval"], "protocol": "slim"}}
    runs |= {
        "slim": json.dumps(slim),
        "other": json.dumps(other),
        "old": json.dumps(old),
        "damaged": '{"seed": 0',
    }
    for name, text in runs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(text)
    class_names.write(tmp_path / "cats", [f"cat {i}" for i in range(10)])
    (tmp_path / "file").touch()
    (tmp_path / "locked").mkdir()
    with (tmp_path / "locked" / ".lock").open("w") as lock:
        lock.write("process 1 on moon")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield tmp_path


def files(place: Path) -> dict[Path, str]:
    return {p: p.read_text() for p in place.rglob("*") if p.is_file() and p.name != ".lock"}


def check(place: Path, code: int, out: str, err: str, says: list[str]) -> None:
    """Asserts code 78 and one short message on stderr with each of `says`."""
    assert code == 78 and out == "" and "Traceback" not in err, err
    # Before the message there may be a progress line.
    lines = err[err.index("inception-jax") :].splitlines()
    assert [line.startswith("inception-jax") for line in lines] == [True] + [False] * (
        len(lines) - 1
    )
    assert len(lines) <= 6
    for choices in says:
        found = [c for c in choices.split("|") if c.format(tmp=place) in err]
        assert found, f"{choices!r} is not in: {err}"


@pytest.mark.parametrize(("words", "says"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistake(place, words, says, capsys):
    """Code 78, one short message with the key and a fix, nothing written."""
    before = files(place)
    code = cli.main([word.format(tmp=place) for word in words])
    check(place, code, *capsys.readouterr(), says)
    assert not (place / "run").exists()
    assert files(place) == before


@pytest.mark.parametrize("name", ["key", "page raises", "28 pixels"])
def test_a_process_ends_within_seconds(command, place, name):
    """A process has the same ending, within `SECONDS`: without JAX, a broken page, and with JAX."""
    ((words, says),) = [m[1:] for m in MISTAKES if m[0] == name]
    for _ in range(3):  # the fastest of three, on a machine that may be busy
        began = time.monotonic()
        done = command(*(word.format(tmp=place) for word in words), devices=8)
        if (seconds := time.monotonic() - began) < SECONDS:
            break
    check(place, done.returncode, done.stdout, done.stderr, says)
    assert seconds < SECONDS


def test_thirty_mistakes_and_the_command_without_one(capsys, digits_config):
    """The table is as long as promised; the same command without a mistake is accepted."""
    assert len({name for name, *_ in MISTAKES}) == len(MISTAKES) >= 30
    assert cli.main(["config", DIGITS, "--config.optim.lr=0.1"]) == 0
    assert capsys.readouterr().err == ""
