"""Tests `inception_jax/cli/views.py`: `eval --list`."""

import json

from inception_jax import cli


def test_views_are_listed(tiny_run, capsys):
    """`--list=WIDTHxHEIGHT` prints each view; as JSON too."""
    words = ["eval", f"--workdir={tiny_run[0]}", "--protocol=144crop", "--list=500x375"]
    assert cli.main([*words, "--config.data.image_size=224"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "144 views, 144 distinct" in out[0] and len(out) == 146
    assert out[2].split() == ["500x375+0+0", "341x256", "224x224+0+0", "1"]
    assert cli.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(v["times"] for v in found["views"]) == 144
