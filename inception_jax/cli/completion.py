"""inception-jax completion bash|zsh|fish

Prints a script that completes commands, actions, flags, config keys (`--config.optim.lr=`), their
values, pages, networks, dialects, and run directories. It starts no Python: all it knows is written
in it, so that it must be made again for another version. To install it for the next shell:

    inception-jax completion bash > ~/.local/share/bash-completion/completions/inception-jax
    inception-jax completion zsh > DIR/_inception-jax       # DIR: one of $fpath, before compinit
    inception-jax completion fish > ~/.config/fish/completions/inception-jax.fish

or, in this one: source <(inception-jax completion bash); in fish: ... | source
"""  # noqa: D415

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

from inception_jax import config as configs
from inception_jax.cli.flags import Flags
from inception_jax.config.meanings import meanings
from inception_jax.errors import ConfigError, HelpPrinted, did_you_mean

SHELLS = ("bash", "zsh", "fish")
# What a shell lists itself: runs, folders, config pages, or any file.
RUNS, FOLDERS, PAGES, FILES = "@runs", "@folders", "@pages", "@files"
KINDS = {
    "workdir": RUNS, "ensemble": RUNS, "dir": FOLDERS, "folder": FOLDERS, "manual_dir": FOLDERS,
    "data_dir": FOLDERS,
}  # fmt: skip
KEYS = {"data.dir": FOLDERS, "checkpoint.init": RUNS, "loss.teacher": RUNS}
# Commands whose words are folders.
OF_FOLDERS = {"report": RUNS, "ckpt ls": RUNS, "ckpt verify": RUNS, "ckpt diff": RUNS,
              "sweep status": FOLDERS, "sweep best": FOLDERS, "sweep resume": FOLDERS,
              "sweep stop": FOLDERS, "sweep work": FOLDERS, "runs ls": FOLDERS,
              "probe": FOLDERS}  # fmt: skip

# By topic the words that are possible, each with a description: `flags data check`, `keys optim`,
# `values optim.name`, `values --protocol`, `words describe`.
Topics = dict[str, dict[str, str]]


def main(argv: list[str]) -> None:
    """Runs the command."""
    flags = Flags("completion", __doc__).arguments("a shell: bash, zsh or fish", "bash")
    flags.parse(argv)
    [shell] = flags.words
    if shell not in SHELLS:
        hint = did_you_mean(shell, SHELLS)
        raise ConfigError(f"completion for {shell!r}: expected one of {', '.join(SHELLS)}{hint}")
    print(script(shell, topics()), end="")


def script(shell: str, topics: Topics) -> str:
    """The completion script of a shell."""
    template = (Path(__file__).parent / "shells" / f"inception-jax.{shell}").read_text("utf-8")
    lines = [line for topic, words in topics.items() for line in _case(shell, topic, words)]
    return template.replace("@TOPICS@\n", "".join(f"{line}\n" for line in lines))


def _case(shell: str, topic: str, words: dict[str, str]) -> Iterator[str]:
    """A case of the script's function that prints the words of a topic, a tab between."""
    texts = [f"{word}\t{text}".rstrip("\t") for word, text in words.items()]
    quoted = [text.replace("\\", "\\\\").replace("'", "\\'") for text in texts]
    if shell == "fish":  # in quotes it has no \t
        yield f"    case '{topic}'"
        yield "      printf '%s\\n' " + " ".join("'" + text + "'" for text in quoted)
    else:
        escaped = [text.replace("\t", "\\t") for text in quoted]
        yield f"    '{topic}') printf '%s\\n' " + " ".join(f"$'{text}'" for text in escaped) + " ;;"


def topics() -> Topics:
    """All that the scripts complete."""
    from inception_jax import launch, models, weights
    from inception_jax.cli import COMMANDS, actions
    from inception_jax.cli.sweep_launch import ON

    found: Topics = {"commands": COMMANDS}
    engines = dict.fromkeys([*launch.ENGINES, "retry"], "")
    for command in COMMANDS:
        rows = actions.ACTIONS.get(command, {})
        below = {usage.split()[0]: text for usage, text in rows.items()}
        if below := engines if command == "launch" else below:
            found[f"actions {command}"] = below
        for action in below or [""]:
            words = f"{command} {action}".split()
            found[f"flags {' '.join(words)}"] = dict(_flags(words))
    found["keys"] = dict(_sections())
    for section in configs.SECTIONS:
        keys = [key for key in configs.RULES if key.startswith(f"{section}.")]
        found[f"keys {section}"] = {f"--config.{key}=": meanings()[key].text for key in keys}
    for key, rule in configs.RULES.items():
        if words := [KEYS[key]] if key in KEYS else [w for w in rule.choices if w]:
            found[f"values {key}"] = dict.fromkeys(words, "")
    dialects = {dialect: "" for name in models.names() for dialect in models.dialects(name)}
    networks = {name: ", ".join(models.dialects(name)) for name in models.names()}
    peers = dict.fromkeys(weights.PEERS, "")
    found["values model.name"] = found["words describe"] = networks
    found["values model.dialect"] = found["values --dialect"] = dialects
    found["words import"] = peers
    found["words data prepare"] = dict.fromkeys(("folder", "tfds", "imagenet2012"), "")
    found["words completion"] = dict.fromkeys(SHELLS, "")
    found["values --to"] = dict.fromkeys(("stablehlo", "onnx", "tflite", "saved_model"), "") | peers
    found["values --on"] = dict.fromkeys(ON, "")
    for flag, key in (("stem", "model.stem"), ("protocol", "eval.protocol"),
                      ("normalization", "model.normalization")):  # fmt: skip
        found[f"values --{flag}"] = found[f"values {key}"]
    found["values --explain"] = {key: meanings()[key].text for key in configs.RULES}
    found |= {f"values --{flag}": {kind: ""} for flag, kind in KINDS.items()}
    found |= {f"words {command}": {kind: ""} for command, kind in OF_FOLDERS.items()}
    return found


def _sections() -> Iterator[tuple[str, str]]:
    """What follows `--config.`: a section and a point, or a key of the top."""
    for section in configs.SECTIONS:
        top = section in configs.RULES
        text = meanings()[section].text if top else "section"
        yield f"--config.{section}" + ("=" if top else "."), text


def _flags(words: list[str]) -> Iterator[tuple[str, str]]:
    """The flags of a command with their descriptions, as its --help has them."""
    from inception_jax import cli

    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(HelpPrinted):
        cli.main([*words, "--help"])
    for name, rest, text in re.findall(r"^  --([\w]+)(\S*)\n +(.*)$", out.getvalue(), re.M):
        yield f"--{name}" + {".": ".", "": ""}.get(rest[:1], "="), text
    yield "--help", "explain the command"
