// What the evaluations hold, for one chosen run and split.

class Evaluations {
  constructor(section, runs) {
    this.runs = runs;
    this.withFiles = runs.map((_, i) => i).filter((i) => Object.keys(runs[i].evaluations).length);
    this.run = this.withFiles[0];
    this.split = Object.keys(runs[this.run].evaluations)[0];
    this.bar = el("div", { class: "toolbar" });
    this.body = el("div", { class: "evaluation" });
    section.append(this.bar, this.body);
    section.hidden = false;
    this.draw();
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) this.draw(); // a phone "resizes" when its address bar hides
      width = innerWidth;
    });
  }

  draw() {
    const { evaluations } = this.runs[this.run];
    if (!(this.split in evaluations)) this.split = Object.keys(evaluations)[0];
    const evaluation = evaluations[this.split];
    this.controls(evaluations);
    this.body.replaceChildren();
    if (evaluation.confusion) {
      const confusion = new Confusion(evaluation);
      this.body.append(confusion.node, confusion.table());
      confusion.draw();
    }
    if (evaluation.per_class.length) this.body.append(this.perClass(evaluation));
    if (evaluation.calibration.length) {
      const node = el("div", { class: "reliability" });
      this.body.append(node);
      reliability(node, evaluation);
    }
    if (evaluation.mistakes.length) this.body.append(mistakes(evaluation));
    if (evaluation.filters) this.body.append(filters(evaluation.filters));
    if (!this.body.childElementCount) this.body.append(el("p", { class: "quiet" }, "The evaluation file holds no details."));
  }

  controls(evaluations) {
    const keep = document.activeElement?.name;
    const pick = (key) => (value) => { this[key] = key === "run" ? Number(value) : value; this.draw(); };
    const several = this.runs.length > 1;
    const splits = Object.keys(evaluations);
    this.bar.replaceChildren(
      ...(several ? [segments("run", this.withFiles.map((i) => [i, this.runs[i].name]), this.run, pick("run"))] : []),
      ...(splits.length > 1 || several ? [segments("split", splits.map((s) => [s, s]), this.split, pick("split"))]
        : [el("span", { class: "quiet" }, `split ${splits[0]}`)]));
    if (keep) this.bar.querySelector(`[name="${keep}"]:checked`)?.focus(); // drawing replaced the button
  }

  /** Accuracy of every class: the chosen run with its interval, other runs as dots beside it. */
  perClass(evaluation) {
    const others = this.withFiles.filter((i) => i !== this.run).map((i) => [i, this.runs[i].evaluations[this.split]])
      .filter(([, e]) => e && e.classes.length === evaluation.classes.length)
      .map(([i, e]) => [i, new Map(e.per_class.map(([c, , top1]) => [c, top1]))]);
    const all = [...evaluation.per_class.flatMap((row) => row.slice(3)), ...others.flatMap(([, by]) => [...by.values()])];
    const [left, right] = [Math.floor(10 * Math.min(...all) + 1e-9) / 10, Math.ceil(10 * Math.max(...all) - 1e-9) / 10];
    const at = (v) => (v - left) / Math.max(0.1, right - left);
    const rows = [...evaluation.per_class].sort((a, b) => a[2] - b[2]).map(([c, n, top1, low, high]) => {
      const dots = others.filter(([, by]) => by.has(c)).map(([i, by]) => dot(at(by.get(c)), i));
      return el("tr", {}, el("th", { scope: "row" }, evaluation.classes[c]), el("td", { class: "n", "data-value": n }, group(n)),
        el("td", { class: "n", "data-value": top1 }, percent(top1)),
        el("td", { class: "range" }, el("span", { class: "strip" }, whisker(at(low), at(high), this.run), ...dots, dot(at(top1), this.run))));
    });
    const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "class"), el("th", { class: "n" }, "images"),
      el("th", { class: "n", "aria-sort": "ascending" }, "top-1"), el("th", {}))), el("tbody", {}, ...rows));
    sortable(table);
    table.tHead.rows[0].cells[3].textContent = `${percent(left, 0)} to ${percent(right, 0)}`;
    return el("div", { class: "per-class" }, el("h3", {}, "Accuracy by class"),
      el("p", { class: "readout" }, `Line: 95% interval.${others.length ? " Other colours: the other runs." : ""} A header sorts.`),
      el("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Accuracy by class" }, table));
  }
}

function dot(value, run) {
  const node = el("i", { class: `s${run % 8}`, "aria-hidden": "true" });
  node.style.left = percent(value, 2);
  return node;
}

function whisker(low, high, run) {
  const node = el("u", { class: `s${run % 8}` });
  node.style.left = percent(low, 2);
  node.style.width = percent(high - low, 2);
  return node;
}

/** Accuracy against confidence in bins, the gap to the diagonal, and how many images each bin has. */
function reliability(host, evaluation) {
  const width = Math.max(240, Math.min(460, host.clientWidth));
  const [left, top, low] = [38, 8, 62];
  const side = width - left - 10;
  const height = Math.min(side, 300);
  const x = (v) => left + v * side;
  const y = (v) => top + (1 - v) * height;
  const floor = top + height + 24 + low;
  const most = Math.max(...evaluation.calibration.map((b) => b[2]));
  const hint = `Bars: accuracy; orange: gap to the mean confidence; below: images per bin. Point, or focus and use the arrow keys.`;
  const readout = el("output", { class: "readout" }, hint);
  const svg = el("svg", { viewBox: `0 0 ${width} ${floor + 16}`, width, tabindex: "0", role: "img", "aria-label": "Reliability diagram" });
  for (const v of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(el("line", { class: "grid", x1: x(0), x2: x(1), y1: y(v), y2: y(v) }),
      el("text", { x: left - 7, y: y(v) + 4, "text-anchor": "end" }, `${100 * v}%`),
      el("text", { x: x(v), y: floor + 14, "text-anchor": v < 1 ? "middle" : "end" }, `${100 * v}%`));
  }
  const bars = evaluation.calibration.map(([lo, hi, n, confidence, accuracy]) => {
    const bar = el("rect", { class: "bar", x: x(lo) + 1, width: Math.max(1, x(hi) - x(lo) - 2), y: y(accuracy), height: y(0) - y(accuracy) });
    const tall = Math.max(1, (low * n) / most);
    svg.append(bar, el("rect", { class: "bar", x: x(lo) + 1, width: Math.max(1, x(hi) - x(lo) - 2), y: floor - tall, height: tall }),
      el("line", { class: "gap", x1: x(confidence), x2: x(confidence), y1: y(accuracy), y2: y(confidence) }),
      el("circle", { class: "dot s1", cx: x(confidence), cy: y(accuracy), r: 3.5 }));
    return bar;
  });
  svg.append(el("line", { class: "ideal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    el("line", { class: "grid", x1: x(0), x2: x(1), y1: floor, y2: floor }));
  const read = (i) => {
    bars.forEach((b, j) => b.classList.toggle("chosen-bar", i === j));
    const [lo, hi, n, confidence, accuracy] = evaluation.calibration[i];
    readout.replaceChildren("confidence ", el("b", {}, `${percent(lo)} to ${percent(hi)}`), `: ${group(n)} images, mean `,
      el("b", {}, percent(confidence)), ", accuracy ", el("b", {}, percent(accuracy)));
  };
  let at = -1;
  svg.addEventListener("pointermove", (e) => {
    const box = svg.getBoundingClientRect();
    const v = (((e.clientX - box.left) / box.width) * width - left) / side;
    const i = evaluation.calibration.findIndex(([lo, hi]) => v >= lo && v <= hi);
    if (i >= 0) read((at = i));
  });
  svg.addEventListener("keydown", (e) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!move) return;
    e.preventDefault();
    read((at = Math.max(0, Math.min(bars.length - 1, at + move))));
  });
  const error = evaluation.ece === null ? "" : `: ECE ${evaluation.ece.toFixed(4)}`;
  host.append(el("h3", {}, `Calibration${error}`), readout, svg);
}

function mistakes(evaluation) {
  const name = (i) => evaluation.classes[i] ?? `class ${i}`;
  const figures = evaluation.mistakes.map((m) => {
    const image = el("img", { src: m.uri, alt: `image ${m.name}` });
    image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= 96));
    return el("figure", { title: `image ${m.name}` }, image, el("figcaption", {},
      el("span", {}, name(m.truth)), el("span", {}, `→ ${name(m.prediction)}`), el("span", { class: "quiet" }, percent(m.probability))));
  });
  return el("div", { class: "full" }, el("h3", {}, "Most confident mistakes"),
    el("p", { class: "readout" }, "Truth → prediction, and the probability given to the prediction."),
    el("div", { class: "mistakes" }, ...figures));
}

function filters(picture) {
  return el("div", { class: "filters full" }, el("h3", {}, "First layer"), el("p", { class: "readout" }, `${picture.caption}.`),
    el("img", { src: picture.uri, width: picture.width, height: picture.height, alt: picture.caption }));
}
