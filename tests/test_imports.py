"""Tests that data flows one way: a module imports only from its left."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "inception_jax"

# Left to right; modules of one line are on one level and may not import each other.
ORDER = [
    ["errors", "progress"],
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
    ["sweep"],
    ["cli"],
]
LEVEL = {name: i for i, names in enumerate(ORDER) for name in names}


def imported(tree: ast.AST):
    """Top-level parts of inception_jax that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "inception_jax":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inception_jax."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            parts = (a.name.split(".") for a in node.names)
            yield from (p[1] for p in parts if p[0] == "inception_jax" and len(p) > 1)


def test_modules_import_only_from_their_left():
    """Each file's imports are of earlier levels, or of its own folder."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part.startswith("__"):
            continue
        for other in imported(ast.parse(path.read_text())):
            if other != part and other in LEVEL and LEVEL[other] >= LEVEL[part]:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_place():
    """A new top-level module must be put into the order."""
    names = {
        p.name.removesuffix(".py") for p in PACKAGE.iterdir() if p.suffix == ".py" or p.is_dir()
    }
    assert {n for n in names if not n.startswith("__")} == set(LEVEL)


def test_no_axis_name_outside_mesh():
    """The mesh's axes are named in mesh.py and nowhere else."""
    for path in PACKAGE.rglob("*.py"):
        if path.name != "mesh.py":
            assert "PartitionSpec" not in path.read_text(), path
