"""`python -m inception_jax` is `inception-jax`."""

from inception_jax.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
