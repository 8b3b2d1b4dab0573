"""Run `inception_jax` with a compilation cache that all CPU processes of a job share.

As on GPUs and TPUs, where process 0 writes a program and the others read it. On the CPU, the key of
jax 0.10 differs between processes, so that all but process 0 compile at every start.
"""

import runpy

from jax._src import cache_key

assert cache_key._hash_accelerator_config, "this jax has another cache key: is this file needed?"
cache_key._hash_accelerator_config = lambda *_: None
runpy.run_module("inception_jax", run_name="__main__", alter_sys=True)
