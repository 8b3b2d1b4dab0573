"""One example of each command and action, for its --help."""

V3 = "--config=configs/inception_v3.py"
RUN = f"-- train {V3} --workdir=/runs/v3"
FOLDER = "--config=configs/finetune.py --config.data.dir=DIR"

# The words after `inception-jax`, by command or by command and action.
EXAMPLES = {
    "train": "train --config=configs/digits.py --workdir=runs/digits",
    "lr": "lr --config=configs/digits.py",
    "eval": "eval --workdir=runs/digits --split=test",
    "predict": "predict photo.jpg folder/ --workdir=runs/mine",
    "explain": "explain photo.jpg --workdir=runs/v3",
    "fid": "fid real/ generated/ --workdir=runs/fid",
    "describe": "describe inception_v4 --diff paper slim",
    "import": "import timm:inception_v4 inception_v4.safetensors --out=runs/v4",
    "export": "export --workdir=runs/v4 --to=onnx --out=v4.onnx",
    "config": "config --config=configs/digits.py --config.optim.lr=0.1",
    "ckpt": "ckpt ls runs/digits",
    "ckpt ls": "ckpt ls runs/digits --verify",
    "ckpt verify": "ckpt verify runs/digits",
    "ckpt diff": "ckpt diff runs/a runs/b@2000",
    "plan": f"plan {V3} --topology=h100-8",
    "data": f"data check {FOLDER}",
    "data check": f"data check {FOLDER}",
    "data show": f"data show {FOLDER} --out=sheet.png",
    "data prepare": "data prepare folder DIR --out=data --name=birds",
    "data bench": "data bench --folder=DIR --scaling",
    "doctor": f"doctor {V3} --workdir=/shared/v3",
    "launch": "launch slurm --gpus=8 -- train --config=PAGE --workdir=/shared/v3",
    "launch local": "launch local -- train --config=configs/digits.py --workdir=runs/digits",
    "launch slurm": f"launch slurm --nodes=8 --gpus=8 -- train {V3} --workdir=/shared/v3",
    "launch k8s": f"launch k8s --image=IMAGE --gpus=8 --claim=runs:/runs {RUN}",
    "launch sky": f"launch sky --accelerator=H100:8 --bucket=gs://B:/runs {RUN}",
    "launch xpk": f"launch xpk --cluster=C --device=v5litepod-16 --image=IMAGE {RUN}",
    "launch tpu_vm": f"launch tpu_vm --device=v5litepod-16 --zone=Z --source=URL {RUN}",
    "launch retry": f"launch retry --code=75 --job=7 -- train {V3} --workdir=runs/v3",
    "sweep": "sweep launch --on=local --config=configs/digits.py --sweep=lr --dir=runs/lr",
    "sweep expand": "sweep expand --config=configs/digits.py --sweep=lr,seed --dir=runs/lr",
    "sweep launch": "sweep launch --on=local --config=configs/digits.py --sweep=lr --dir=runs/lr",
    "sweep status": "sweep status runs/lr",
    "sweep best": "sweep best runs/lr",
    "sweep resume": "sweep resume runs/lr",
    "sweep stop": "sweep stop runs/lr",
    "sweep work": "sweep work runs/search --worker=0",
    "report": "report runs/digits",
    "runs": "runs ls runs/",
    "runs ls": "runs ls runs/",
    "probe": "probe photos/ --workdir=runs/v3",
    "completion": "completion bash > ~/.local/share/bash-completion/completions/inception-jax",
}


def of(command: str) -> str:
    """The lines of an example at the end of a --help; empty if the command has none."""
    if command not in EXAMPLES:
        return ""
    line = f"  inception-jax {EXAMPLES[command]}"
    return "example:\n" + (line if len(line) <= 100 else line.replace(" -- ", " \\\n      -- "))
