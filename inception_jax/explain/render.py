"""The findings of `inception-jax explain` as one HTML page, PNG files, JSON, and text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inception_jax.errors import shown, writing
from inception_jax.explain import pictures
from inception_jax.explain.bars import bars
from inception_jax.explain.cam import upsampled
from inception_jax.explain.lines import panels
from inception_jax.explain.photo import TITLES, Explanation
from inception_jax.explain.visualisation import Visualisation
from inception_jax.models.network import Network
from inception_jax.report import html
from inception_jax.report.images import photograph, png, thumbnail

PACKAGE, PAGE = "inception_jax.explain", "explain.html"
SIDE = 160  # pixels of a layer in the page; browsers enlarge it smoothly


class About(NamedTuple):
    """What the photographs were explained with."""

    model: Network
    workdir: Path
    step: int
    notes: tuple[str, ...] = ()


def write(
    out: Path,
    about: About,
    found: Sequence[Explanation],
    drawn: Sequence[Visualisation] = (),
    visualised: str = "",
) -> Path:
    """Write the page and the pictures to the folder `out`; return the page's path.

    The pictures are in `out` itself, or of several photographs in a folder for each.
    """
    with writing(str(out), elsewhere="give --out=DIR"):
        for one, folder in zip(found, _folders(out, found), strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            pictures.write(folder / "photo.png", one.picture)
            for m in one.maps:
                pictures.write(folder / f"{m.method}.png", pictures.overlaid(one.picture, m.heat))
            _write_drawn(folder, one.visualisations)
        out.mkdir(parents=True, exist_ok=True)
        _write_drawn(out, drawn)
    return html.write(render(about, found, drawn, visualised), out / PAGE)


def render(
    about: About,
    found: Sequence[Explanation],
    drawn: Sequence[Visualisation] = (),
    visualised: str = "",
) -> str:
    """The page."""
    names = [one.path.name for one in found]
    title = names[0] if len(names) == 1 else f"{len(names)} photographs" if names else visualised
    return html.page(
        html.asset(PAGE, PACKAGE),
        [html.asset("report.css"), html.asset("explain.css", PACKAGE)],
        [html.asset("explain.js", PACKAGE)],
        {},
        title=title,
        about=about,
        photos=[_photo(one) for one in found],
        drawn=[_drawn(v) for v in drawn],
        visualised=visualised,
    )


def _photo(one: Explanation) -> dict[str, Any]:
    """What the template reads of a photograph."""
    side = one.picture.shape[0]
    return {
        "one": one,
        "uri": photograph(one.picture),
        "thumbnail": thumbnail(one.picture),
        "small": side < 100,
        "widest": max(p for _, p in one.top),
        "maps": [
            {"title": TITLES[m.method], "layer": _layer(m.heat, side), "map": m} for m in one.maps
        ],
        "bars": bars(one.shares) if one.shares else None,
        "branches": _branches(one, side),
        "panels": panels(one),
        "neighbours": [(n, thumbnail(n.picture)) for n in one.neighbours],
        "drawn": [_drawn(v) for v in one.visualisations],
    }


def _branches(one: Explanation, side: int) -> dict[str, Any] | None:
    """The maps of the branches of the row's module, or else of the last module, on one scale."""
    if one.shares is None or not one.shares.modules:
        return None
    modules = one.shares.modules
    module = next((m for m in reversed(modules) if m.name.startswith(one.row)), modules[-1])
    top = max(float(path.heat.max()) for path in module.paths)
    rows = [(p, module.share(p), _layer(p.heat, side, max(top, 1e-12))) for p in module.paths]
    return {"module": module.name, "paths": rows}


def _layer(heat: np.ndarray, side: int, top: float | None = None) -> str:
    return png(pictures.layer(upsampled(heat, min(side, SIDE)), top))


def _drawn(v: Visualisation) -> dict[str, Any]:
    return {"unit": _unit(v), "v": v, "uri": photograph(v.image)}


def _unit(v: Visualisation) -> str:
    return v.unit.replace("_", " ") if isinstance(v.unit, str) else f"channel {v.unit}"


def _write_drawn(folder: Path, drawn: Sequence[Visualisation]) -> None:
    for v in drawn:
        pictures.write(folder / f"{_unit(v).replace(' ', '_')}.png", v.image)


def _folders(out: Path, found: Sequence[Explanation]) -> list[Path]:
    """A folder for each photograph; equal names are numbered."""
    if len(found) == 1:
        return [out]
    names = list[str]()
    for one in found:
        stem, i = one.path.stem, 1
        while (name := stem if i == 1 else f"{stem}-{i}") in names:
            i += 1
        names.append(name)
    return [out / name for name in names]


def data(
    page: Path, about: About, found: Sequence[Explanation], drawn: Sequence[Visualisation]
) -> dict[str, Any]:
    """The findings as JSON."""
    return {
        "page": str(page),
        "model": about.model.NAME,
        "step": about.step,
        "notes": list(about.notes),
        "photos": [_data(one) for one in found],
        "visualisations": [_visualised(v) for v in drawn],
    }


def _data(one: Explanation) -> dict[str, Any]:
    random = [(r.insertion.area, r.deletion.area) for r in one.random]
    insertion, deletion = np.mean(random, axis=0).tolist() if random else (None, None)
    return {
        "file": str(one.path),
        "class": one.name,
        "probability": one.probability,
        "logit": one.logit,
        "row": one.row,
        "top": [{"class": c, "probability": p} for c, p in one.top],
        "maps": [
            {"method": m.method, "insertion": f.insertion.area, "deletion": f.deletion.area,
             "note": m.note}
            for m in one.maps if (f := m.faithfulness)
        ],
        "random": {"insertion": insertion, "deletion": deletion},
        "modules": [
            {"name": m.name, "rest": m.rest, "paths": [
                {"name": p.name, "steps": list(p.steps), "logit": p.logit, "share": m.share(p)}
                for p in m.paths
            ]}
            for m in (one.shares.modules if one.shares else ())
        ],
        "nearest": [
            {"file": n.name, "class": n.label, "similarity": n.similarity} for n in one.neighbours
        ],
        "visualisations": [_visualised(v) for v in one.visualisations],
    }  # fmt: skip


def _visualised(v: Visualisation) -> dict[str, Any]:
    return {"unit": v.unit, "excitation": v.excitation, "start": v.start}


def text(page: Path, about: About, found: Sequence[Explanation]) -> str:
    """The findings in a few lines a photograph, and where the page is."""
    lines = list[str]()
    for one in found:
        lines.append(f"{shown(one.path)}: {shown(one.name)}, {one.probability:.2%}")
        for m in one.maps:
            lines.append(f"  {TITLES[m.method]:22}{_areas(m.faithfulness)}   {m.note}")
        if one.random:
            mean = np.mean([(r.insertion.area, r.deletion.area) for r in one.random], axis=0)
            lines.append(f"  {'random':22}insertion {mean[0]:.3f}, deletion {mean[1]:.3f}")
        if one.shares and one.shares.modules:
            last = one.shares.modules[-1]
            parts = ", ".join(f"{p.name} {last.share(p):.0%}" for p in last.paths)
            lines.append(f"  {last.name}: {parts}")
        if one.neighbours:
            nearest = ", ".join(shown(n.label) for n in one.neighbours)
            lines.append(f"  nearest training images: {nearest}")
    return "\n".join([*lines, shown(page)])


def _areas(f: Any) -> str:
    return f"insertion {f.insertion.area:.3f}, deletion {f.deletion.area:.3f}"
