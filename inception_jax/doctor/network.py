"""Whether this process finds the first one, before JAX waits for it."""

import errno
import ipaddress
import socket
import time

from inception_jax.doctor.finding import Finding, failure, warning
from inception_jax.runtime import distributed
from inception_jax.runtime.distributed import ProcessAddress

NAMED = 8  # processes that are named in a line


def coordinator(place: ProcessAddress, patience: float) -> Finding:
    """Resolves the coordinator's name and calls its port.

    Args:
        place: this process's.
        patience: seconds to go on calling: the first process may start later.
    """
    host, _, port = place.address.rpartition(":")
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
    text = f"{place.address} is {', '.join(addresses)}"
    local = all(ipaddress.ip_address(a).is_loopback for a in addresses)
    wrong = local and host != "localhost" and host not in addresses
    advice = (
        f"that is this machine itself, for everybody: give {host}'s address in the network, "
        f"--coordinator=10.0.0.1:{port}, or mend /etc/hosts"
    )
    refused = _own_port(int(port)) if place.index == 0 else _call(host, int(port), patience)
    if refused:
        return failure(f"{text}; {refused[0]}", advice if wrong and place.index else refused[1])
    if wrong:
        return warning(text, advice)
    what = "its port is free" if place.index == 0 else "answers"
    return Finding(f"{text}{' (this machine only)' if local else ''}; {what}")


def _own_port(port: int) -> tuple[str, str] | None:
    """Why the first process could not be called on its port, and what to do; None if it can."""
    try:
        socket.create_server(("", port)).close()
    except OSError as e:
        used = e.errno == errno.EADDRINUSE
        why = "is used by another program" if used else f"cannot be opened: {e.strerror}"
        return f"port {port} {why}", "choose another port for --coordinator, on every process"
    return None


def _call(host: str, port: int, patience: float) -> tuple[str, str] | None:
    """Why nobody answers, and what to do; None if the first process does."""
    began = time.monotonic()
    while True:
        try:
            socket.create_connection((host, port), timeout=2).close()
            return None
        except ConnectionRefusedError:
            why = f"the host is there, but nothing has listened on {port} for {patience:g} s"
            what = "start process 0 as well, with the same --coordinator; look at its log"
        except OSError as e:
            why = f"no answer for {patience:g} s ({e.strerror or e})"
            what = f"check the address, and that no firewall closes port {port} between the hosts"
        if time.monotonic() - began > patience:
            return why, what
        time.sleep(0.2)


def join(place: ProcessAddress, patience: float, heartbeat: float) -> Finding:
    """Joins the other processes; what they run need not be the same yet."""
    distributed.join(place, {}, patience=patience, heartbeat=heartbeat)
    members = [f"{m['host']} ({m['index']})" for m in distributed.members()]
    shown = ", ".join(members[:NAMED]) + (", ..." if len(members) > NAMED else "")
    return Finding(f"all {place.count} have joined: {shown}")
