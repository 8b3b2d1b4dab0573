"""JAX on one or several hosts: mesh, processes, signals, compiler options."""
