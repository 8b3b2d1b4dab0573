"""Launching: render a `JobSpec` for a scheduler and submit it with the scheduler's own tool.

Each engine is a module with `HELP`, `FLAGS` and functions that raise ConfigError for a bad flag, a
missing tool, or what the scheduler rejects: `render(spec)` returns the job's files, name -> text
(`--print` only renders), `submit(spec, files)` returns its id, `cancel(job)`, of those that run
sweeps, lets it save and end. No engine schedules anything itself. The job is an ordinary `train`
command, which resumes when it is started again; `retry` decides whether to start it again.
"""

ENGINES = ("local", "slurm", "k8s", "sky", "xpk", "tpu_vm")
