"""Format a plan as text."""

from typing import Any


def text(plan: dict[str, Any]) -> str:
    """Formats a plan, one figure a line."""
    parts = [head(plan), _memory(plan)]
    if "step" in plan:
        parts += [_step(plan), _shares(plan), _recipe(plan)]
    parts.append("\n".join(["collectives of one step", *_collectives(plan["collectives"])]))
    if plan.get("scaling"):
        parts.append(_scaling(plan))
    return "\n\n".join(parts)


def head(plan: dict[str, Any]) -> str:
    """Formats the subject of a plan in one line."""
    devices = plan["devices"]
    axes = " x ".join(f"{name} {n}" for name, n in devices["mesh"].items())
    each = plan["batch_size"] // devices["mesh"].get("data", 1)
    hosts = f" of {devices['hosts']} hosts" if devices["hosts"] > 1 else ""
    return (
        f"{plan['model']} ({plan['dialect']}), {plan['dtype']}, batches of "
        f"{plan['batch_size']:,}, {each:,} a device, on {devices['count']} {devices['kind']}"
        f"{hosts}: {axes}"
    )


def _memory(plan: dict[str, Any]) -> str:
    memory = plan["memory"]
    sizes = {**memory["state"], **{k: v for k, v in memory.items() if k != "state"}}
    capacity = sizes.pop("capacity", 0)
    lines = ["bytes of one device"]
    lines += [f"  {name:12} {size(value):>10}" for name, value in sizes.items()]
    if capacity:
        lines[-1] += f"   of {size(capacity)}: {memory['total'] / capacity:.0%}"
        whole = plan["chip"]["memory"] if "chip" in plan else capacity
        if whole > capacity:
            lines[-1] += (
                f"; XLA takes {capacity / whole:.0%} of the {size(whole)} by default "
                f"(XLA_PYTHON_CLIENT_MEM_FRACTION)"
            )
    return "\n".join(lines)


def _step(plan: dict[str, Any]) -> str:
    step, chip = plan["step"], plan["chip"]
    seconds = step["seconds"]
    links = f"{chip['links'] / 1e9:g} GB/s of links"
    if plan["devices"]["hosts"] > 1 and "network" in chip:
        links = f"{links}, {chip['network'] / 1e9:g} of network"
    rows = [
        ("arithmetic", f"{step['flops'] / 1e12:,.3g} TFLOP", f"{chip['flops'] / 1e12:g} TFLOP/s",
         seconds["arithmetic"]),
        ("memory", size(step["memory_bytes"]), f"{chip['bandwidth'] / 1e9:g} GB/s",
         seconds["memory"]),
        ("network", size(step["sent_bytes"]), links, seconds["network"]),
    ]  # fmt: skip
    lines = [f"one step on one {chip['name']} ({chip['note']}; {chip['source']})"]
    lines += [f"  {n:12} {what:>12} at {rate:18} {_ms(s):>9}" for n, what, rate, s in rows]
    if step["accessed_bytes"] > step["memory_bytes"]:
        accessed = size(step["accessed_bytes"])
        lines.append(f"  {'':12} {accessed:>12} including accesses to on-chip memory")
    if step["kernels"]:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in step["kernels"].items())
        lines.append(f"  {'kernels':12} {sum(step['kernels'].values()):>12,}: {kinds}")
    end = f"; {step['unpriced']} instructions without a price" if step["unpriced"] else ""
    lines.append(f"  {'optimal':12} {_ms(seconds['optimal']):>44}   lower bound{end}")
    if seconds["schedule"]:
        more = step["unscheduled"]
        end = f"; {more} instructions without an estimate" if more else ""
        lines.append(f"  {'schedule':12} {_ms(seconds['schedule']):>44}   all in sequence{end}")
    if seconds["exposed"] < seconds["network"]:
        lines.append(
            f"  {'exposed':12} {_ms(seconds['exposed']):>44}   network without work beside"
        )
    return "\n".join([*lines, f"  limited by {_limit(step)}"])


def _limit(step: dict[str, Any]) -> str:
    seconds = step["seconds"]
    shares = {n: seconds[n] / step["low_s"] for n in ("memory", "arithmetic", "network")}
    text = ", ".join(f"{n} {share:.0%}" for n, share in shares.items())
    if max(shares.values()) >= 0.5:
        return f"{step['bound']}; of the shortest step: {text}"
    return f"none of the three alone; of the shortest step: {text}"


def _shares(plan: dict[str, Any]) -> str:
    """Shares of kinds of instructions, and of the rows that take four fifths of the time."""
    shown, total = [], 0.0
    for name, share in plan["rows"].items():
        if total > 0.8:
            break
        shown.append(f"{name} {share:.0%}")
        total += share
    kinds = ", ".join(f"{name} {share:.0%}" for name, share in plan["kinds"].items())
    return f"the schedule's time by kind and row\n  {kinds}\n  {', '.join(shown)}"


def _recipe(plan: dict[str, Any]) -> str:
    step, recipe, devices = plan["step"], plan["recipe"], plan["devices"]
    images, hosts, n = step["images_per_s"], devices["hosts"], recipe.get("smaller_steps")
    needed = images[1] / hosts
    lines = [
        f"the recipe: {recipe['epochs']:g} epochs of {recipe['images']:,} images, "
        f"{recipe['steps']:,} steps"
        + (
            f", of which {n:,} are of smaller images (their time: that of their pixels)"
            if n
            else ""
        ),
        f"  {'step':12} {_ms(step['low_s'])} to {_ms(step['high_s'])}",
        f"  {'images/s':12} {_span(images)}",
        f"  {'utilisation':12} model (MFU) {_percents(step['mfu'])}, hardware, with what is "
        f"recomputed, {_percents(step['hardware_utilisation'])}",
        f"  {'time':12} {_span(recipe['hours'])} hours, without evaluations and restarts",
        f"  {'device-hours':12} {_span(recipe['chip_hours'])}",
        f"  {'input':12} up to {needed:,.0f} images/s from each host" + _input(plan.get("input")),
        f"  {'checkpoint':12} {size(recipe['checkpoint_bytes'])}",
    ]
    return "\n".join(lines)


def _input(bench: dict[str, Any] | None) -> str:
    if not bench:
        return " (to check a host: `data bench --json > F` on it, then --input=F here)"
    return f"; one delivers {bench['images_per_s']:,.0f}: " + (
        "enough" if bench["enough"] else f"the step waits, at {bench['share']:.0%} of its rate"
    )


def _collectives(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["  none"]
    head = f"  {'':20} {'dtype':6} {'over':12} {'count':>6} {'arrays':>7} {'bytes':>10}"
    return [head] + [
        f"  {r['kind']:20} {r['dtype']:6} {r['axis'] or '-':12} {r['count']:6} {r['arrays']:7} "
        f"{size(r['bytes']):>10}" + (", some in a loop" if r["loop"] else "")
        for r in rows
    ]


def _scaling(plan: dict[str, Any]) -> str:
    """Data-parallel training on more devices, at best."""
    lines = ["the same batch a device on more of them, at best: links at their peak, free overlap"]
    lines.append(
        f"  {'devices':>8} {'network':>10} {'exposed':>10} {'images/s':>12} {'efficiency':>11}"
    )
    lines += [
        f"  {r['devices']:8} {_ms(r['network_s']):>10} {_ms(r['exposed_s']):>10} "
        f"{r['images_per_s']:12,.0f} {r['efficiency']:11.1%}"
        for r in plan["scaling"]
    ]
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.1f} ms"


def _span(pair: list[float]) -> str:
    low, high = pair
    digits = 0 if high >= 100 else 1
    return f"{low:,.{digits}f} to {high:,.{digits}f}"


def _percents(pair: list[float]) -> str:
    return f"{pair[0]:.0%} to {pair[1]:.0%}"


def size(count: int) -> str:
    """Formats bytes in the unit with at most four digits."""
    step = 0
    value: float = count
    while value >= 10_000 and step < 3:
        value, step = value / 1000, step + 1
    return f"{value:,.4g} {('B', 'kB', 'MB', 'GB')[step]}"
