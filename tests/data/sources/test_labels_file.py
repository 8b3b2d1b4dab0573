"""Tests of inception_jax.data.sources.labels_file."""

import sys

import pytest

from inception_jax.data.sources import labels_file
from inception_jax.errors import ConfigError

ROWS = [["path", "label", "split"], ["a/1.jpg", "dog, small", "train"], ["b;2.jpg", "cat", "test"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(("encoding", "end"), [("utf-8", "\n"), ("utf-8-sig", "\r\n")])
def test_delimiters_quotes_and_byte_order_marks(tmp_path, delimiter, encoding, end):
    """The header decides the delimiter; cells may be quoted and are stripped."""
    lines = [delimiter.join(f'"{c}" ' if delimiter in c else c for c in row) for row in ROWS]
    path = tmp_path / "labels.csv"
    path.write_bytes((end.join(lines) + end + end).encode(encoding))
    table = labels_file.read(str(path))
    assert {k: list(v) for k, v in table.columns.items()} == {
        name: [row[i] for row in ROWS[1:]] for i, name in enumerate(ROWS[0])
    }
    assert list(table.lines) == [2, 3] and table.splits("x") == ("train", "test")


def test_parquet_is_read_as_its_text(tmp_path):
    """Numbers become text, lists are joined, missing cells are empty; rows count from 1."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "labels.parquet"
    columns = {"path": ["a", "b"], "label": [["x", "y"], ["x"]], "age": [3.5, None]}
    parquet.write_table(pa.table(columns), path)
    table = labels_file.read(str(path))
    assert table.columns == {"path": ["a", "b"], "label": ["x|y", "x"], "age": ["3.5", ""]}
    assert table.number(0, "age") == 3.5
    with pytest.raises(ConfigError, match="row 2, column 'age': expected a number"):
        table.number(1, "age")


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    """Parquet is optional."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "labels.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match="pip install pyarrow, or write a CSV file"):
        labels_file.read(str(tmp_path / "labels.parquet"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected a header with the column 'path'"),
        ("file,label\na,b\n", "line 1: expected a header with the column 'path'"),
        ("path,label,label\na,b,c\n", "each column once, found 'label' twice"),
        ("path,label\n", "expected a row for each image"),
        ("path,label\na,b\nc,d,e\n", "line 3: expected 2 cells, path, label, found 3"),
        ("path,label\na,b\n,d\n", "line 3, column 'path': expected a text, found an empty cell"),
        ("path,label\na,b\n./a,d\n", "line 3, column 'path': expected each path once, ./a is in "
         "line 2 too"),
        ("path,label\na,\xff\n", "expected text in UTF-8, found byte 13"),
    ],
)  # fmt: skip
def test_errors_name_line_and_column(tmp_path, text, message):
    """A table that cannot be used is refused with the place of the fault."""
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as error:
        labels_file.read(str(path))
    assert message in str(error.value) and str(path) in str(error.value)


def test_a_changed_file_is_read_again(tmp_path):
    """The table that is kept is that of the file as it is."""
    path = tmp_path / "labels.csv"
    path.write_text("path,label\na,b\n")
    assert labels_file.read(str(path)) is labels_file.read(str(path))
    path.write_text("path,label\na,longer\n")
    assert labels_file.read(str(path)).columns["label"] == ("longer",)
    with pytest.raises(ConfigError, match="No such file"):
        labels_file.read(str(tmp_path / "none.csv"))
