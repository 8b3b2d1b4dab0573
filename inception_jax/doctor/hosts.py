"""What the hosts of a job tell one another, and where they differ."""

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

APART = 2.0  # seconds between clocks: logs and files still tell what came first
NAMED = 4  # hosts, or differences, that are named in a line
SAME = {
    "code": "install the same inception_jax on every host",
    "config": "give every process the same command",
    "packages": "install the same versions on every host",
}


@dataclass
class Hosts:
    """The processes of a job; `index` of `count` is this one.

    Attributes:
        index: of this process.
        count: of all.
        patience: seconds to wait for what another one has to tell.
    """

    index: int = 0
    count: int = 1
    patience: float = 0.0

    def told(self, name: str, value: Any) -> dict[int, Any]:
        """What each of them tells (JSON values) under a name, which is used once.

        It goes by way of the first process, not of the devices, which may be what is ill.

        Raises:
            LostProcessError: one tells nothing.
        """
        if self.count == 1:
            return {0: value}
        # Not public; JAX has no other way to say something without a device, or in some time.
        from jax._src.distributed import global_state

        client: Any = global_state.client
        client.key_value_set(f"doctor/{name}/{self.index}", json.dumps(value))
        until = time.monotonic() + self.patience
        values, silent = dict[int, Any](), list[int]()
        for i in range(self.count):
            left = max(1, int(1000 * (until - time.monotonic())))
            try:
                values[i] = json.loads(client.blocking_key_value_get(f"doctor/{name}/{i}", left))
            except Exception:  # JAX's own, of several kinds: it did not come
                silent.append(i)
        if silent:
            raise LostProcessError(
                f"expected {name} from {self.count} processes, {self.names(silent)} told nothing "
                f"for {self.patience:g} s; look at their logs"
            )
        return values

    def names(self, indices: list[int]) -> str:
        """`n1 (0), n2 (1)`: hosts and process ids."""
        hosts = {m["index"]: m["host"] for m in distributed.members()}
        hosts = hosts or {self.index: socket.gethostname()}
        shown = ", ".join(f"{hosts.get(i, '?')} ({i})" for i in indices[:NAMED])
        return shown + (f" and {len(indices) - NAMED} more" if len(indices) > NAMED else "")


def clocks(hosts: Hosts) -> Finding:
    """How far the clocks are apart, as far as a message takes no time."""
    hosts.told("readiness", True)
    times = hosts.told("time", time.time())
    last = max(times, key=times.__getitem__)
    first = min(times, key=times.__getitem__)
    apart = times[last] - times[first]
    text = f"within {apart:.1g} s"
    if apart > APART:
        text = f"{apart:.1f} s apart: {hosts.names([first])} is behind {hosts.names([last])}"
        return warning(text, "set the clocks by NTP: times in logs, and of files, are compared")
    return Finding(text)


def merged(reports: Mapping[int, list[Finding]], hosts: Hosts) -> list[Finding]:
    """One list of findings from all processes': one of each check, more where they differ."""
    by_name: dict[str, dict[int, Finding]] = defaultdict(dict)
    for index, findings in sorted(reports.items()):
        for finding in findings:
            by_name[finding.name][index] = finding
    out = []
    for name, found in by_name.items():
        out += _grouped(found, hosts)
        if differs := _difference(found, hosts):
            advice = SAME.get(name, "make it the same on every host")
            out.append(failure(f"not the same everywhere: {differs}", advice, name=name))
    return out


def _grouped(found: dict[int, Finding], hosts: Hosts) -> list[Finding]:
    """The findings of one check: those of the processes that say the same as one."""
    groups: dict[Any, list[int]] = defaultdict(list)
    for index, f in found.items():
        groups[OK if f.state == OK else (f.found, f.advice)].append(index)
    if len(groups) == 1 and len(found) == hosts.count:
        return [next(iter(found.values()))]
    first = [(found[indices[0]], hosts.names(indices)) for indices in groups.values()]
    return [replace(f, found=f"{names}: {f.found}") for f, names in first]


def _difference(found: dict[int, Finding], hosts: Hosts) -> str:
    """What the processes should have alike and have not."""
    keys = {key: None for f in found.values() for key in f.same}
    rows = []
    for key in keys:
        having: dict[str, list[int]] = defaultdict(list)
        for index, f in found.items():
            if f.same or f.state != FAIL:  # who failed before it knew says so itself
                having[f.same.get(key, "none")].append(index)
        if len(having) > 1:
            rows.append(
                f"{key}: " + ", ".join(f"{v} on {hosts.names(i)}" for v, i in having.items())
            )
    more = f"; and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return "; ".join(rows[:NAMED]) + more
