"""JAX on this machine and others: devices, processes, signals, compiler options."""
