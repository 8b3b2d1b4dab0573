"""The identity of a run, in run.json: by it a checkpoint is known as the run's own."""

import json
import time
import uuid
from pathlib import Path

from inception_jax.errors import DataError
from inception_jax.workdir import atomic, reading

FILE = "run.json"


def read(workdir: Path) -> str:
    """Read the id.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged.
    """
    value = reading.json_file(workdir / FILE, dict).get("id")
    if not (isinstance(value, str) and value):
        raise ValueError("expected an id")
    return value


def ensure(workdir: Path, new: bool) -> str:
    """Read the id; a new run, one without checkpoints, gets one if it has none.

    Raises:
        DataError: there is none, of a run that is not new.
    """
    try:
        return read(workdir)
    except (FileNotFoundError, ValueError) as e:
        if not new:
            raise DataError(f"{workdir / FILE}: expected the id of the run, {e}") from e
    value = uuid.uuid4().hex
    atomic.write_text(workdir / FILE, json.dumps({"id": value, "created": time.time()}) + "\n")
    return value
