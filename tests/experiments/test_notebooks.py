"""Tests the notebooks of `experiments/notebooks`: their stored outputs, and that they run."""

import copy
import json
import re

import pytest

from experiments.notebooks.execute import execute
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "experiments/notebooks").glob("*.ipynb"))


def printed(notebook) -> list[str]:
    """The text of each code cell, its numbers left out."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    texts = ["".join(out["text"]) for cell in cells for out in cell["outputs"]]
    return [re.sub(r"\d+(\.\d+)?%?", "#", text) for text in texts]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stored(path):
    """Cells were executed in order, each once, and as this package prints them."""
    notebook = json.loads(path.read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    assert printed(notebook) and path.read_text().endswith("}\n")
    for cell in cells:
        compile("".join(cell["source"]), path.name, "exec")


def test_what_cells_print_is_stored():
    """What a cell prints is stored with it, and names live on in the next cell."""
    cells = [
        {"cell_type": "code", "source": text} for text in (["a = 2\n", "print(a)"], ["a += 1"])
    ]
    notebook = {"cells": [*cells, {"cell_type": "markdown", "source": []}]}
    assert execute(notebook)["a"] == 3
    assert printed(notebook) == ["#\n"] and cells[1]["outputs"] == []


@pytest.mark.slow
@pytest.mark.usefixtures("promotion")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path):
    """It prints the stored lines again, with numbers of this machine, and has learnt the digits."""
    stored = json.loads(path.read_text())
    again = copy.deepcopy(stored)
    scope = execute(again)
    assert printed(again) == printed(stored) and scope["accuracy"] > 0.97
