// The confusion matrix: cells with details on hover, or binned for many classes.

const clip = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** Opacity of a cell: its share of the row; for errors the square root, to make small ones visible. */
function shade(truth, prediction, share, worst) {
  return truth === prediction ? 0.08 + 0.84 * share : 0.06 + 0.86 * Math.sqrt(share / worst);
}

class Confusion {
  constructor(evaluation) {
    this.names = evaluation.classes;
    ({ bins: this.bins, cells: this.cells } = evaluation.confusion);
    this.count = new Map(this.cells.map(([t, p, n]) => [t * this.bins + p, n]));
    this.totals = new Array(this.bins).fill(0);
    for (const [t, , n] of this.cells) this.totals[t] += n;
    this.worst = Math.max(
      1e-9,
      ...this.cells.filter(([t, p]) => t !== p).map(([t, , n]) => n / this.totals[t]),
    );
    this.binned = this.bins < this.names.length;
    this.readout = el("output", { class: "readout" }, this.hint());
    const save = saveButton("Confusion", () => this.figure());
    const head = el("h3", { class: "titled" }, el("span", {}, "Confusion"), save);
    this.node = el("div", { class: "matrix" }, head, this.readout);
  }

  hint() {
    const what = this.binned
      ? `${group(this.names.length)} classes in ${this.bins} bins of neighbouring classes. `
      : "";
    return (
      `${what}Rows: true class; columns: predicted class. Blue: correct; orange: wrong ` +
      `(darkest: ${percent(this.worst)} of a row). Hover over a cell, or use the arrow keys.`
    );
  }

  /** Draws the matrix; the node must be in the document, since its width is needed. */
  draw() {
    this.binned ? this.canvas() : this.grid();
  }

  grid() {
    const long = Math.min(14, Math.max(...this.names.map((n) => n.length)));
    const labels = this.bins <= 50 && this.node.clientWidth / this.bins > 11;
    const gutter = labels ? long * 6.2 + 10 : 4;
    const size = Math.max(5, Math.min(38, (this.node.clientWidth - gutter * 1.75 - 2) / this.bins));
    const top = labels ? gutter * 0.75 + 6 : 4;
    const width = gutter + size * this.bins + (labels ? gutter * 0.75 : 0) + 2;
    const svg = el("svg", {
      viewBox: `0 0 ${width} ${top + size * this.bins + 2}`,
      width,
      tabindex: "0",
      role: "img",
      "aria-label": "Confusion matrix. Arrow keys move through its cells.",
    });
    for (const [t, p, n] of this.cells) svg.append(...this.cell(t, p, n, gutter, top, size));
    svg.append(
      el("rect", {
        class: "frame",
        x: gutter,
        y: top,
        width: size * this.bins,
        height: size * this.bins,
      }),
    );
    if (labels)
      svg.append(
        ...this.names.flatMap((name, i) =>
          axisLabels(clip(name, 14), gutter, top, (i + 0.5) * size, size),
        ),
      );
    this.chosen = el("rect", { class: "chosen", width: size, height: size, visibility: "hidden" });
    svg.append(this.chosen);
    this.choose = (t, p) => {
      this.chosen.setAttribute("x", gutter + p * size);
      this.chosen.setAttribute("y", top + t * size);
      this.chosen.setAttribute("visibility", "visible");
    };
    this.listen(svg, (x, y) => [
      Math.floor((y * (top + size * this.bins + 2) - top) / size),
      Math.floor((x * width - gutter) / size),
    ]);
    this.node.append(svg);
  }

  cell(t, p, n, left, top, size) {
    const opacity = shade(t, p, n / this.totals[t], this.worst).toFixed(3);
    const tone = t === p && opacity > 0.8 ? "in on" : opacity > 0.65 ? "in mid" : "in";
    const [x, y] = [left + p * size, top + t * size];
    const box = el("rect", {
      class: t === p ? "hit" : "miss",
      "fill-opacity": opacity,
      x,
      y,
      width: size,
      height: size,
    });
    if (size < 24 || this.bins > 20) return [box];
    return [
      box,
      el(
        "text",
        { class: tone, x: x + size / 2, y: y + size / 2 + 3.5, "text-anchor": "middle" },
        String(n),
      ),
    ];
  }

  /** The matrix as SVG; of a canvas its cells. */
  figure() {
    const drawn = this.node.querySelector("svg");
    if (drawn) return drawn;
    const size = 6;
    const box = { viewBox: `0 0 ${this.bins * size} ${this.bins * size}` };
    const svg = el("svg", box);
    for (const [t, p, n] of this.cells) svg.append(...this.cell(t, p, n, 0, 0, size));
    this.node.append(svg); // its style is computed in the document
    setTimeout(() => svg.remove());
    return svg;
  }

  canvas() {
    const canvas = el("canvas", {
      width: this.bins,
      height: this.bins,
      tabindex: "0",
      role: "img",
      "aria-label": "Binned confusion matrix. Arrow keys move through its cells.",
    });
    const paint = () => {
      const style = getComputedStyle(document.documentElement);
      const pen = canvas.getContext("2d");
      pen.clearRect(0, 0, this.bins, this.bins);
      for (const [t, p, n] of this.cells) {
        const colour = style.getPropertyValue(t === p ? "--right" : "--wrong");
        pen.fillStyle = `rgba(${colour}, ${shade(t, p, n / this.totals[t], this.worst)})`;
        pen.fillRect(p, t, 1, 1);
      }
    };
    paint();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    this.choose = () => {};
    this.listen(canvas, (x, y) => [Math.floor(y * this.bins), Math.floor(x * this.bins)]);
    this.node.append(canvas);
  }

  /** Shows details of the cell under the pointer, or selected by arrow keys; `locate` maps fractions of the box to a cell. */
  listen(target, locate) {
    let at = [0, -1];
    const visit = (t, p) => {
      if (Math.min(t, p) < 0 || Math.max(t, p) >= this.bins) return;
      at = [t, p];
      this.choose(t, p);
      this.readout.replaceChildren(...this.sentence(t, p));
    };
    const point = (e) => {
      const box = target.getBoundingClientRect();
      visit(...locate((e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height));
    };
    target.addEventListener("pointermove", point);
    target.addEventListener("pointerdown", point);
    target.addEventListener("keydown", (e) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[
        e.key
      ];
      if (!move) return;
      e.preventDefault();
      visit(at[0] + move[0], at[1] + move[1]);
    });
  }

  sentence(t, p) {
    const [n, total] = [this.count.get(t * this.bins + p) ?? 0, this.totals[t]];
    const share = total ? ` (${percent(n / total)})` : "";
    return [
      "true class ",
      el("b", {}, this.name(t)),
      ", predicted ",
      el("b", {}, this.name(p)),
      `: ${group(n)} of ${group(total)}${share}`,
    ];
  }

  name(bin) {
    if (!this.binned) return this.names[bin];
    const first = Math.ceil((bin * this.names.length) / this.bins);
    const last = Math.ceil(((bin + 1) * this.names.length) / this.bins) - 1;
    return first === last ? this.names[first] : `${this.names[first]} … ${this.names[last]}`;
  }
}

function axisLabels(name, left, top, middle, size) {
  if (size < 8) return [];
  const [x, y] = [left + middle, top - 5];
  return [
    el("text", { x: left - 5, y: top + middle + 4, "text-anchor": "end" }, name),
    el("text", { x, y, transform: `rotate(-45 ${x} ${y})` }, name),
  ];
}
