"""Launching: render a `JobSpec` for a scheduler and submit it with the scheduler's own tool.

Each engine is a module with `HELP`, `FLAGS`, `render(spec)` and `submit(spec, files)`; `--print`
only renders. No engine schedules anything itself. The job is an ordinary `train` command, which
resumes when it is started again; `retry` decides whether to start it again.
"""

ENGINES = ("local", "slurm", "k8s", "sky", "xpk", "tpu_vm")
