"""Check the connection to the coordinator before JAX waits for it."""

import errno
import ipaddress
import socket
import time

from inception_jax.doctor.finding import Finding, failure, warning
from inception_jax.runtime import distributed
from inception_jax.runtime.distributed import ProcessAddress

SHOWN = 8  # processes in a line


def coordinator(address: ProcessAddress, patience: float) -> Finding:
    """Resolves the coordinator's name, and connects to its port.

    It retries for `patience` seconds: the first process may start later.
    """
    host, _, port = address.address.rpartition(":")
    host = host.strip("[]")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except socket.gaierror as e:
        return failure(
            f"{host!r} does not resolve on {socket.gethostname()}: {e.strerror}",
            "give an address instead of the name, --coordinator=10.0.0.1:PORT, or put the name "
            "into /etc/hosts",
        )
    addresses = sorted({str(entry[4][0]).partition("%")[0] for entry in found})
    text = f"{address.address} is {', '.join(addresses)}"
    local = all(ipaddress.ip_address(a).is_loopback for a in addresses)
    wrong = local and host != "localhost" and host not in addresses
    advice = (
        f"on every machine that is the machine itself: give {host}'s network address, "
        f"--coordinator=10.0.0.1:{port}, or fix /etc/hosts"
    )
    refused = _own_port(int(port)) if address.index == 0 else _connect(host, int(port), patience)
    if refused:
        return failure(f"{text}; {refused[0]}", advice if wrong and address.index else refused[1])
    if wrong:
        return warning(text, advice)
    state = "its port is free" if address.index == 0 else "answers"
    return Finding(f"{text}{' (this machine only)' if local else ''}; {state}")


def _own_port(port: int) -> tuple[str, str] | None:
    """Checks that the first process can open its port; returns the reason and remedy, or None."""
    try:
        socket.create_server(("", port)).close()
    except OSError as e:
        used = e.errno == errno.EADDRINUSE
        why = "is used by another program" if used else f"cannot be opened: {e.strerror}"
        return f"port {port} {why}", "choose another port for --coordinator, on every process"
    return None


def _connect(host: str, port: int, patience: float) -> tuple[str, str] | None:
    """Connects to the first process; returns the reason and remedy of a failure, or None."""
    began = time.monotonic()
    while True:
        try:
            socket.create_connection((host, port), timeout=2).close()
            return None
        except ConnectionRefusedError:
            why = f"the host is up, but nothing listened on {port} for {patience:g} s"
            remedy = "start process 0 as well, with the same --coordinator; see its log"
        except OSError as e:
            why = f"no answer for {patience:g} s ({e.strerror or e})"
            remedy = f"check the address, and that no firewall closes port {port} between the hosts"
        if time.monotonic() - began > patience:
            return why, remedy
        time.sleep(0.2)


def join(address: ProcessAddress, patience: float, heartbeat: float) -> Finding:
    """Joins the other processes, whose configs and code are compared later."""
    distributed.join(address, {}, patience=patience, heartbeat=heartbeat)
    members = [f"{m['host']} ({m['index']})" for m in distributed.members()]
    shown = ", ".join(members[:SHOWN]) + (", ..." if len(members) > SHOWN else "")
    return Finding(f"all {address.count} have joined: {shown}")
