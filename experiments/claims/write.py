"""A claim's page, from its run files: sentences, tables, verdicts."""

import textwrap
from collections.abc import Sequence

import cost
import crops
import measures
import results
import verdict
from declare import Count
from results import Arm, Results

WIDTH = 120
MARKS = {
    verdict.REPRODUCED: "**reproduced**",
    verdict.NOT_VISIBLE: "*not visible at this scale*",
    verdict.CONTRADICTED: "**contradicted**",
}
COMMAND = "    python experiments/claims/run.py {} --config.data.dir=DIR"


def number(value: float, measure: str) -> str:
    """A measure's value, of a share in percent."""
    return f"{100 * value:.2f}%" if measures.find(measure).percent else f"{value:.3g}"


def change(value: float, measure: str) -> str:
    """A difference of a measure, of a share in points."""
    return f"{100 * value:+.2f}" if measures.find(measure).percent else f"{value:+.3g}"


def page(r: Results) -> str:
    """The README of a claim's folder."""
    c, (folder, _, more) = r.claim, r.name.partition(",")
    declared = "../claim.py" if more else "claim.py"
    lines = [
        f"# {c.title}", "",
        f"**{r.word.capitalize()}** ({parts(r)} reproduced). "
        f"[{c.paper}](https://arxiv.org/abs/{c.paper}), {c.place}.", "",
        *(f"> {line}" for line in textwrap.wrap(c.sentence, WIDTH - 2)), "",
        COMMAND.format(r.name), "",
        f"![{c.title}: what was measured]({folder}.png)", "",
        "## Verdict", "", *comparisons(r), "", *counts(r.counts), "",
        "## Runs", "", *arms(r), "",
        *textwrap.wrap(budget(r), WIDTH), "",
        *textwrap.wrap(imagenet(r), WIDTH), "",
        "## Declared before the runs", "", *textwrap.wrap(c.hypothesis, WIDTH), "",
        *textwrap.wrap(c.limits, WIDTH), "",
        f"[claim.py]({declared}) was committed before the results.", "", *after(folder),
    ]  # fmt: skip
    text = "\n".join(lines) + "\n"
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def after(name: str) -> list[str]:
    """What was thought once the results were there, of `NAME/after.md`; it changes no verdict."""
    path = results.HERE / name / "after.md"
    return ["## Thought of afterwards", "", path.read_text()] if path.is_file() else []


def comparisons(r: Results) -> list[str]:
    """A line for each thing that the claim says."""
    lines = [
        "| declared | if | measured | difference (95% interval) | visible from | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for f in r.found:
        c = f.comparison
        a, b = r.arms[c.arm].mean(c.measure), r.arms[c.than].mean(c.measure)
        sides = f"`{c.arm}` {number(a, c.measure)}, `{c.than}` {number(b, c.measure)}"
        seen = " " if f.visible is None else f" {change(f.visible, c.measure)[1:]} "
        lines.append(
            f"| {c.says} | {rule(c)} | {measures.words(c.measure)}: {sides} | "
            f"{difference(f)} |{seen}| {MARKS[f.word]} |"
        )
    return lines


def difference(f: verdict.Found) -> str:
    """How much better the arm is, with its interval."""
    middle, low, high = (change(x, f.comparison.measure) for x in (f.difference, f.low, f.high))
    return f"{middle} ({low} to {high})"


def rule(c: verdict.Comparison) -> str:
    """What counts as reproduced."""
    if c.within is not None:
        return f"within ±{change(c.within, c.measure)[1:]}"
    if c.at_least > 0:
        return f"at least {change(c.at_least, c.measure)}"
    return f"above {change(c.at_least, c.measure) if c.at_least else 0}"


def counts(found: Sequence[Count]) -> list[str]:
    """A line for each number that is counted."""
    if not found:
        return []
    lines = ["| counted | paper | here | verdict |", "|---|---|---|---|"]
    for c in found:
        paper = "" if c.paper is None else f"{c.paper:,.4g}"
        word = MARKS.get(verdict.of_count(c), "")
        lines.append(f"| {c.says} | {paper} | {c.ours:,.4g} | {word} |".replace("|  |", "| |"))
    return lines


def arms(r: Results) -> list[str]:
    """A line for each arm: what it costs, its rate, and the mean of each measure."""
    runs = "ensembles" if r.claim.crops else "seeds"
    lines = [
        "| arm | parameters | GFLOP an image | epochs | PFLOP a run | rate (held-out top-1) | "
        + " | ".join([runs, *map(measures.words, r.measures)]) + " |",
        "|---" * (7 + len(r.measures)) + "|",
    ]  # fmt: skip
    for a in r.arms.values():
        cells = [mean(r, a, m) for m in r.measures]
        lines.append(
            f"| `{a.name}` | {a.params:,} | {a.flops / 1e9:.4f} | {a.epochs:.2f} | {a.pflop:.4f} | "
            f"{rates(a)} | {len(a.runs)} | {' | '.join(cells)} |"
        )
    return lines


def mean(r: Results, a: Arm, measure: str) -> str:
    """An arm's mean with its interval, which of a share of few runs is not symmetric."""
    (low, high), middle = r.interval(a, measure), number(a.mean(measure), measure)
    if measures.find(measure).binary:
        return f"{middle} ({number(low, measure)} to {number(high, measure)})"
    return f"{middle} ± {change((high - low) / 2, measure)[1:]}"


def rates(a: Arm) -> str:
    """An arm's rate, and what each rate that was tried gave."""
    tried = ", ".join(f"{rate:g}: {100 * top1:.1f}%" for rate, top1 in sorted(a.rates.items()))
    return f"{a.rate:g}" + (f" ({tried})" if tried else "")


def budget(r: Results) -> str:
    """How the arms were made equal, in a sentence or two."""
    c, words = r.claim, []
    if c.base:
        words.append(f"All arms have the arithmetic of `{c.base}`: epochs make it equal.")
    if c.rates:
        rates = ", ".join(f"{x:g}" for x in c.rates)
        words.append(f"The rate is the best of {rates} on a tenth of train that was held out.")
        ends = c.rates[0], c.rates[-1]
        edge = [f"`{a.name}`" for a in r.arms.values() if a.rates and a.rate in ends]
        if edge:
            words.append(f"It is the least or the largest of them for {', '.join(edge)}.")
    if c.rate_of:
        taken = (f"`{arm}` {x:g} times that of `{of}`" for arm, (of, x) in c.rate_of.items())
        words.append(f"Rates by another arm's: {', '.join(taken)}.")
    noise = r.noise("top1")
    words.append(
        f"Intervals are over the test images, 1 in {crops.EVERY} of them: the networks of all "
        "lines are the same, and an image that all get right says nothing."
        if c.crops
        else f"Intervals are of Student's t, with the deviation over seeds pooled over the arms "
        f"({100 * noise.deviation:.2f} points of top-1, {noise.freedom} degrees of freedom)."
    )
    return " ".join([*words, f"{r.pflop:.3f} PFLOP in all."])


def imagenet(r: Results) -> str:
    """What the same costs there, if it has been planned."""
    if r.plan is None:
        return ""
    low, high = (f"{h:.2g}" for h in r.plan["hours"])
    hours, first = low if low == high else f"{low} to {high}", next(iter(r.claim.arms))
    return (
        f"The same at full width on ImageNet-1k (`{r.name},on=imagenet` in the command): "
        f"{r.trained} runs of {r.plan['epochs']:g} epochs. By `plan` one of "
        f"`{first}` takes {hours} hours on {cost.DEVICES}, if the input keeps up."
    )


def parts(r: Results) -> str:
    """How many parts of a claim are reproduced."""
    words = [w for w in (*(f.word for f in r.found), *map(verdict.of_count, r.counts)) if w]
    return f"{words.count(verdict.REPRODUCED)} of {len(words)} parts"


def brief(f: verdict.Found) -> str:
    """A difference in a few letters: points of top-1, or with its unit."""
    name, d = f.comparison.measure.partition(":")[0], f.difference
    if name == "dead":
        return f"{d:+.0%} alive"
    if measures.find(name).percent:
        return f"{100 * d:+.1f}"
    return f"{d:+.2g} " + {"epochs_to": "ep.", "first_gradient": "norm"}[name]
