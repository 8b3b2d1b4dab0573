"""One process of two on CPU: `one_of_two.py RANK PORT WORDS...` runs `inception-jax WORDS`."""

import sys

import jax

if __name__ == "__main__":
    rank, port = map(int, sys.argv[1:3])
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, rank)
    assert jax.process_count() == 2
    from inception_jax import cli

    sys.exit(cli.main(sys.argv[3:]))
