"""Launching: one `JobSpec`, rendered as what a scheduler wants, and handed to its own tool.

Each engine is a module with `HELP`, `declare(flags)`, `render(spec)` and `submit(spec)`; `--print`
renders only. None of them schedules anything itself. The job is an ordinary `train` command, and
the same command resumes it; `retry` says when that is worth doing.
"""

ENGINES = ("local", "slurm", "k8s", "sky", "xpk", "tpu_vm")
