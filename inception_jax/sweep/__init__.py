"""Sweeps: many trials of one page, each an ordinary run with a directory of its own.

A page declares them beside its config: `sweep_*()` yields dicts of overrides, and a sweep over
several of these is their product; `search(trial)` makes one such dict from Optuna's suggestions. A
trial is known by its content, so the same sweep given again adds only what is new, and starting a
trial again continues it.
"""
