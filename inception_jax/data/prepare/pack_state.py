"""What a killed packing has done: the complete shards, and under which contract."""

import json
import sys
from pathlib import Path
from typing import Any, TypedDict

from inception_jax.data.prepare import prepared
from inception_jax.data.prepare.contract import Contract
from inception_jax.errors import ConfigError
from inception_jax.workdir import atomic


class ShardRecord(TypedDict):
    """A complete shard: its digest, its number of images, and why images are unreadable."""

    sha256: str
    length: int
    unreadable: dict[str, str]


class PackState:
    """The complete shards in `folder`, saved after each, so that a killed packing continues."""

    def __init__(self, staging: Path, plan: str, contract: Contract):
        self.folder, self.path, self._plan = (
            staging / prepared.VERSION,
            staging / "state.json",
            plan,
        )
        self._contract = contract.json()
        self.folder.mkdir(exist_ok=True)
        self.done: dict[str, ShardRecord] = {}
        try:
            saved = json.loads(self.path.read_text())
        except (OSError, ValueError):
            saved = {}
        _check_contract(staging, saved, self._contract)
        if saved.get("plan") == plan:
            digests = prepared.hashed(self.folder, list(saved["done"]))
            self.done = {n: r for n, r in saved["done"].items() if r["sha256"] == digests[n]}
            print(f"continuing: {len(self.done)} shards are complete", file=sys.stderr)
        elif saved:
            print("the folder or the flags have changed: starting over", file=sys.stderr)
        incomplete = [path for path in self.folder.iterdir() if path.name not in self.done]
        for path in (*incomplete, *staging.glob(".state.json.*")):  # of a killed process
            path.unlink()

    def add(self, file: str, record: ShardRecord) -> None:
        """Save that a shard is complete."""
        self.done[file] = record
        content = {"plan": self._plan, "contract": self._contract, "done": self.done}
        atomic.write_text(self.path, json.dumps(content, indent=1))


def _check_contract(staging: Path, saved: dict[str, Any], contract: dict[str, Any]) -> None:
    """Refuse to mix two contracts in a set, or to throw away the work of hours."""
    found = saved.get("contract", contract)
    if different := [key for key in contract if found.get(key) != contract[key]]:
        text = ", ".join(
            f"{key} {found.get(key)}, not {contract[key]}" for key in different if key != "text"
        )
        raise ConfigError(
            f"{staging} holds an unfinished set with {text}: run the command with the same flags "
            f"and versions to continue it, choose another --name, or remove that folder"
        )
