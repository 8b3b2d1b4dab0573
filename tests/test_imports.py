"""Tests the package's structure: import order, no cycles, unique class names, short files."""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "inception_jax"
MAX_FILE, MAX_FUNCTION = 300, 60  # lines

# Left to right; modules of one level may not import each other.
ORDER = [
    ["errors"],
    ["progress"],
    ["config"],
    ["runtime"],
    ["workdir"],
    ["data", "launch"],
    ["models"],
    ["checkpoint"],
    ["weights"],
    ["eval"],
    ["train", "fid"],
    ["plan", "doctor", "report"],
    ["sweep", "explain"],
    ["cli"],
]
LEVEL = {name: i for i, names in enumerate(ORDER) for name in names}


def order_line() -> str:
    """The import order as README and CONTRIBUTING have it, between their markers."""
    levels = " -> ".join(", ".join(names) for names in ORDER)
    return f"<!-- order:begin -->\n    {levels}\n<!-- order:end -->"


def sources() -> dict[str, tuple[Path, ast.Module]]:
    """Path and syntax tree of each module, by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = path, ast.parse(path.read_text())
    return found


SOURCES = sources()


def imported(tree: ast.AST):
    """Modules of the package that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in SOURCES else node.module for name in names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name in SOURCES)


def test_modules_import_only_from_their_left():
    """Each file's imports are of earlier levels, or of its own folder."""
    wrong = []
    for name, (_, tree) in SOURCES.items():
        part = name.split(".")[1] if "." in name else ""
        for other in imported(tree) if part in LEVEL else ():
            target = other.split(".")[1] if "." in other else ""
            if target != part and LEVEL.get(target, -1) >= LEVEL[part]:
                wrong.append(f"{name} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_no_cycles():
    """No file imports itself through others, at its top or inside a function."""
    graph = {name: set(imported(tree)) - {name} for name, (_, tree) in SOURCES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as e:
        pytest.fail(" <- ".join(e.args[1]))


def test_every_module_has_a_place():
    """A new top-level module must be put into the order."""
    names = {name.split(".")[1] for name in SOURCES if "." in name}
    assert {n for n in names if not n.startswith("__")} == set(LEVEL)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_order_is_in_the_pages(page):
    """The line between the markers is the one that `order_line` renders."""
    assert order_line() in (ROOT / page).read_text(encoding="utf-8")


def test_class_names_are_unique():
    """A class can be found by its name."""
    places = defaultdict(list)
    for name, (_, tree) in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{name}:{node.lineno}")
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert not twice, twice


def test_file_and_function_lengths():
    """Files of at most 300 lines and functions of at most 60."""
    long = []
    for path, tree in SOURCES.values():
        lines = len(path.read_text().splitlines())
        if lines > MAX_FILE:
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION:
                    long.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert not long, "\n".join(long)


def test_no_axis_name_outside_mesh():
    """The mesh's axes are named in mesh.py and nowhere else."""
    for path, _ in SOURCES.values():
        if path.name != "mesh.py":
            assert "PartitionSpec" not in path.read_text(), path
