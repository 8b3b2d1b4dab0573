"""Sweeps: many trials of one config page, each an ordinary run in its own directory.

A page declares sweeps beside its config: `sweep_*()` yields dicts of overrides, and several of
these form a grid; `search(trial)` returns one such dict from Optuna's suggestions. A trial is named
by its config, so launching the same sweep again adds only new trials, and restarting a trial
resumes it.
"""
