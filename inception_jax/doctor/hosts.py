"""Exchange findings between the hosts of a job, and compare them."""

import json
import socket
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inception_jax.doctor.finding import FAIL, OK, Finding, failure, warning
from inception_jax.errors import LostProcessError
from inception_jax.runtime import distributed

APART = 2.0  # seconds between clocks, up to which the order of logs and files is right
SHOWN = 4  # hosts or differences in a line
SAME = {
    "code": "install the same inception_jax on every host",
    "config": "give every process the same command",
    "packages": "install the same versions on every host",
}


@dataclass
class Hosts:
    """The processes of a job; `index` of `count` is this one."""

    index: int = 0
    count: int = 1
    patience: float = 0.0  # seconds to wait for a value of another process

    def exchange(self, name: str, value: Any) -> dict[int, Any]:
        """Sends a JSON value to all processes and returns the value of each by its index.

        The values go through the coordinator, not through the devices, which may be broken. Each
        name may be used once.

        Raises:
            LostProcessError: a process sent no value in time.
        """
        if self.count == 1:
            return {0: value}
        # Not public; JAX has no public key-value store.
        from jax._src.distributed import global_state

        client: Any = global_state.client
        client.key_value_set(f"doctor/{name}/{self.index}", json.dumps(value))
        until = time.monotonic() + self.patience
        values, missing = dict[int, Any](), list[int]()
        for i in range(self.count):
            left = max(1, int(1000 * (until - time.monotonic())))
            try:
                values[i] = json.loads(client.blocking_key_value_get(f"doctor/{name}/{i}", left))
            except Exception:  # of several types: no value in time
                missing.append(i)
        if missing:
            raise LostProcessError(
                f"expected {name} from {self.count} processes, got none from "
                f"{self.names(missing)} in {self.patience:g} s; see their logs"
            )
        return values

    def names(self, indices: list[int]) -> str:
        """`n1 (0), n2 (1)`: hosts and process ids."""
        hosts = {m["index"]: m["host"] for m in distributed.members()}
        hosts = hosts or {self.index: socket.gethostname()}
        shown = ", ".join(f"{hosts.get(i, '?')} ({i})" for i in indices[:SHOWN])
        return shown + (f" and {len(indices) - SHOWN} more" if len(indices) > SHOWN else "")


def clocks(hosts: Hosts) -> Finding:
    """Compares the clocks of all hosts, to within the time of a message."""
    hosts.exchange("readiness", True)
    times = hosts.exchange("time", time.time())
    last = max(times, key=times.__getitem__)
    first = min(times, key=times.__getitem__)
    apart = times[last] - times[first]
    text = f"within {apart:.1g} s"
    if apart > APART:
        text = f"{apart:.1f} s apart: {hosts.names([first])} is behind {hosts.names([last])}"
        return warning(text, "set the clocks by NTP: times of logs and files are compared")
    return Finding(text)


def merged(reports: Mapping[int, list[Finding]], hosts: Hosts) -> list[Finding]:
    """Merges the findings of all processes: one for each check, more if they differ."""
    by_name: dict[str, dict[int, Finding]] = defaultdict(dict)
    for index, findings in sorted(reports.items()):
        for finding in findings:
            by_name[finding.name][index] = finding
    findings = []
    for name, found in by_name.items():
        findings += _grouped(found, hosts)
        if differs := _difference(found, hosts):
            advice = SAME.get(name, "make it the same on every host")
            findings.append(failure(f"not the same everywhere: {differs}", advice, name=name))
    return findings


def _grouped(found: dict[int, Finding], hosts: Hosts) -> list[Finding]:
    """Groups equal findings of one check; names the hosts of each group if there are several."""
    groups: dict[Any, list[int]] = defaultdict(list)
    for index, f in found.items():
        groups[OK if f.state == OK else (f.found, f.advice)].append(index)
    if len(groups) == 1 and len(found) == hosts.count:
        return [next(iter(found.values()))]
    first = [(found[indices[0]], hosts.names(indices)) for indices in groups.values()]
    return [replace(f, found=f"{names}: {f.found}") for f, names in first]


def _difference(found: dict[int, Finding], hosts: Hosts) -> str:
    """Lists the values that should be equal on all processes and are not."""
    keys = {key: None for f in found.values() for key in f.same}
    rows = []
    for key in keys:
        having: dict[str, list[int]] = defaultdict(list)
        for index, f in found.items():
            if f.same or f.state != FAIL:  # a failed check has its own finding
                having[f.same.get(key, "none")].append(index)
        if len(having) > 1:
            rows.append(
                f"{key}: " + ", ".join(f"{v} on {hosts.names(i)}" for v, i in having.items())
            )
    more = f"; and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return "; ".join(rows[:SHOWN]) + more
