"""A scheduler's command-line tool as a shell script that records its calls."""


def install(folder, monkeypatch, name, script=""):
    """Put a tool on PATH that appends each call to folder/calls and then runs `script`."""
    tool = folder / name
    tool.write_text(f'#!/bin/sh\necho "{name} $*" >>{folder}/calls\n{script}\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def calls(folder):
    """The recorded calls."""
    return (folder / "calls").read_text().splitlines()
