"""Tests the reader of JSON against the one of the standard library."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from inception_jax.workdir import reading

NUMBERS = st.from_regex(r"-?[0-9]{0,20}(\.[0-9]{0,20})?([eE][-+]?[0-9]{0,3})?", fullmatch=True)
WORDS = st.sampled_from(["NaN", "-Infinity", "true", "null", '"\\ud800"', '"\u00fc"', "[1]", "{}"])
VALUES = NUMBERS | WORDS | st.text().map(json.dumps)
TEXTS = st.lists(st.tuples(st.text(max_size=2).map(json.dumps), VALUES), max_size=4).map(
    lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}\n"
)


def standard(text: bytes) -> str:
    """What `json` makes of a text, with the types of its numbers; "damaged" if it is not JSON."""
    try:
        return repr(json.loads(text.decode(), parse_int=whole))
    except ValueError:
        return "damaged"


def whole(digits: str) -> int | float:
    """A whole number of at most 18 characters is an int."""
    return int(digits) if len(digits) <= 18 else float(digits)


@given(text=TEXTS.map(str.encode), cut=st.integers(0, 200), flipped=st.integers(0, 255))
@example(b'{"a": %b}' % (b"9" * 18), 200, 0)
@example(b'{"a": %b}' % (b"9" * 19), 200, 0)
@example(b'{"a": -%b}' % (b"9" * 17), 200, 0)
@example(b'{"a": -%b}' % (b"9" * 18), 200, 0)
@example(b'{"a": -0, "b": -0.0, "c": 1e2, "d": 1E400, "a": 01}', 200, 0)
def test_it_reads_what_json_reads(text, cut, flipped):
    """A text, cut or with a wrong byte too, gives the same object and types, or none for both."""
    wrong = text[:cut] + bytes([flipped]) + text[cut + 1 :]
    for damaged in (text, text[:cut], wrong):
        try:
            found = repr(reading.decoded(damaged))
        except ValueError:
            found = "damaged"
        assert found == standard(damaged)
