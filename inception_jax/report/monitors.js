// The monitors: one heat map per kind; rows are blocks, columns are steps, dark is bad.

const CELLS = {
  residual_ratio: {
    log: true,
    low: 0.01,
    high: 10,
    marks: [0.01, 0.1, 1, 10],
    text: plain,
    caption: "RMS of the residual branch divided by RMS of the shortcut. Above 1 the branch dominates.",
  },
  dead_relu: {
    low: 0,
    high: 1,
    marks: [0, 0.5, 1],
    text: (v) => percent(v, 0),
    caption: "Share of a block's output channels that are 0 at every position of every image.",
  },
  grad_norm: {
    log: true,
    text: plain,
    caption: "Gradient norm of each block, including the L2 term, before clipping.",
  },
};
const RAMP = [
  [238, 243, 247],
  [176, 203, 222],
  [104, 149, 190],
  [58, 84, 142],
  [33, 22, 61],
]; // light to dark, in both colour schemes
const NOT_FINITE = "rgb(204, 78, 0)";
const ROW = 13;

/** The colour at a fraction of the ramp. */
function heat(share) {
  const at = Math.max(0, Math.min(1, share)) * (RAMP.length - 1);
  const i = Math.min(RAMP.length - 2, Math.floor(at));
  const mixed = RAMP[i].map((v, c) => Math.round(v + (RAMP[i + 1][c] - v) * (at - i)));
  return `rgb(${mixed.join(", ")})`;
}

class Strip {
  /** `all`: the values of all runs, which share a scale. */
  constructor({ key, title, steps, blocks, values }, all) {
    Object.assign(this, { steps, blocks, values, spec: { ...CELLS[key] } });
    if (this.spec.high === undefined) this.fit(all);
    this.readout = el("output", { class: "readout" }, this.spec.caption);
    this.svg = el("svg", { tabindex: "0", role: "img", "aria-label": this.label(title) });
    this.node = el(
      "figure",
      { class: "strip-chart" },
      el("h3", { class: "titled" }, el("span", {}, title), saveButton(title, () => this.svg)),
      this.readout,
      this.scale(),
      this.svg,
    );
    this.at = [0, steps.length - 1];
    this.svg.addEventListener("pointermove", (e) => this.point(e));
    this.svg.addEventListener("pointerdown", (e) => this.point(e));
    this.svg.addEventListener("keydown", (e) => this.key(e));
  }

  /** Bounds for kinds without fixed ones: the decades from the 5th to the 95th percentile. */
  fit(values) {
    const all = values.filter((v) => typeof v === "number" && v > 0);
    all.sort((a, b) => a - b);
    const at = (share) => all[Math.round(share * (all.length - 1))] ?? 1;
    this.spec.low = 10 ** Math.floor(Math.log10(at(0.05)) + 1e-9);
    this.spec.high = Math.max(10 ** Math.ceil(Math.log10(at(0.95)) - 1e-9), this.spec.low * 10);
    this.spec.marks = [];
    const decades = Math.round(Math.log10(this.spec.high / this.spec.low));
    const stride = 10 ** Math.ceil(decades / 4); // at most five marks
    for (let v = this.spec.high; v >= this.spec.low * 0.99; v /= stride) this.spec.marks.push(v);
  }

  share(value) {
    const { log, low, high } = this.spec;
    if (!log) return (value - low) / (high - low);
    return value <= 0 ? 0 : Math.log(value / low) / Math.log(high / low);
  }

  colour(value) {
    if (value === null || value === undefined) return "none";
    return typeof value === "number" ? heat(this.share(value)) : NOT_FINITE;
  }

  label(title) {
    return `${title}: ${this.blocks.length} blocks at ${this.steps.length} steps. Arrow keys select a cell.`;
  }

  /** The legend: the colour ramp with its marks. */
  scale() {
    const [wide, left, parts] = [180, 18, 45];
    const svg = el("svg", { viewBox: `0 0 ${wide + 2 * left} 27`, width: wide + 2 * left });
    for (let i = 0; i < parts; i++) {
      const fill = heat(i / (parts - 1));
      svg.append(
        el("rect", { x: left + (i * wide) / parts, y: 1, width: wide / parts + 0.5, height: 10, fill }),
      );
    }
    for (const mark of this.spec.marks) {
      const x = left + wide * this.share(mark);
      svg.append(
        el("line", { class: "grid", x1: x, x2: x, y1: 11, y2: 14 }),
        el("text", { x, y: 24, "text-anchor": "middle" }, this.short(mark)),
      );
    }
    return el("div", { class: "ramp" }, svg);
  }

  short(mark) {
    if (!this.spec.log) return this.spec.text(mark);
    const small = mark >= 1e-3 && mark <= 1e4;
    return small ? String(+mark.toPrecision(1)) : mark.toExponential(0).replace("+", "");
  }

  draw() {
    this.width = Chart.paper || Math.max(260, this.node.clientWidth);
    this.left = Math.max(...this.blocks.map((b) => b.length)) * 6.4 + 10;
    this.height = this.blocks.length * ROW;
    this.step = (this.width - this.left - 1) / this.steps.length;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height + 22}`);
    const cells = this.values.flatMap((row, i) => this.runs(row, i));
    this.chosen = el("rect", { class: "chosen", height: ROW, visibility: "hidden" });
    this.svg.replaceChildren(
      ...cells,
      ...this.blocks.map((name, i) =>
        el("text", { x: this.left - 6, y: i * ROW + 10, "text-anchor": "end" }, name),
      ),
      el("rect", {
        class: "frame",
        x: this.left,
        y: 0,
        width: this.width - this.left - 1,
        height: this.height,
      }),
      this.axis(),
      this.chosen,
    );
  }

  /** The cells of a block; adjacent cells of the same colour are merged. */
  runs(row, i) {
    const found = [];
    let from = 0;
    for (let j = 1; j <= row.length; j++) {
      const fill = this.colour(row[from]);
      if (j < row.length && this.colour(row[j]) === fill) continue;
      const [x, width] = [this.left + from * this.step, (j - from) * this.step + 0.4];
      if (fill !== "none")
        found.push(el("rect", { class: "cell", x, y: i * ROW, width, height: ROW - 1, fill }));
      from = j;
    }
    return found;
  }

  axis() {
    const node = el("g");
    const count = this.steps.length;
    const every = Math.max(1, Math.ceil((count * 60) / (this.width - this.left)));
    for (let j = 0; j < count; j += every) {
      const x = this.left + (j + 0.5) * this.step;
      if (x > this.width - 50) break; // the corner holds the axis name
      const anchor = j === 0 ? "start" : "middle";
      const text = group(this.steps[j]);
      node.append(el("text", { x, y: this.height + 15, "text-anchor": anchor }, text));
    }
    node.append(
      el("text", { x: this.width, y: this.height + 15, "text-anchor": "end" }, "step"),
    );
    return node;
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = this.width / box.width;
    const x = (event.clientX - box.left) * scale - this.left;
    this.visit(
      Math.floor(((event.clientY - box.top) * scale) / ROW),
      Math.floor(x / this.step),
    );
  }

  key(event) {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[
      event.key
    ];
    if (!move) return;
    event.preventDefault();
    this.visit(this.at[0] + move[0], this.at[1] + move[1]);
  }

  /** Selects a cell and shows its value. */
  visit(i, j) {
    if (i < 0 || j < 0 || i >= this.blocks.length || j >= this.steps.length) return;
    this.at = [i, j];
    const value = this.values[i][j];
    const text = typeof value === "number" ? this.spec.text(value) : (value ?? "no value");
    this.chosen.setAttribute("x", this.left + j * this.step);
    this.chosen.setAttribute("y", i * ROW);
    this.chosen.setAttribute("width", Math.max(2, this.step));
    this.chosen.setAttribute("visibility", "visible");
    const where = ` at step ${group(this.steps[j])}: `;
    this.readout.replaceChildren(el("b", {}, this.blocks[i]), where, el("b", {}, text));
  }
}

/** The heat maps of all runs that have monitors. */
class Monitors {
  constructor(section, runs) {
    this.section = section;
    this.update(runs);
    for (const event of ["resize", "beforeprint", "afterprint"])
      addEventListener(event, () => this.draw());
  }

  update(runs) {
    this.strips = [];
    this.added?.forEach((node) => node.remove());
    this.added = this.build(runs);
    this.section.append(...this.added);
    this.section.hidden = false;
    this.draw();
  }

  draw() {
    for (const strip of this.strips) strip.draw();
  }

  build(runs) {
    const nodes = [];
    const pooled = (key) =>
      runs.flatMap((r) => r.monitors.flatMap((k) => (k.key === key ? k.values.flat() : [])));
    for (const run of runs.filter((r) => r.monitors.length)) {
      const own = run.monitors.map((kind) => new Strip(kind, pooled(kind.key)));
      this.strips.push(...own);
      if (runs.length > 1) nodes.push(el("h3", { class: "run-name" }, run.name));
      nodes.push(el("div", { class: "strips" }, ...own.map((s) => s.node)));
    }
    const blank = "Blank: no value for this block; orange: not finite. ";
    const cell = "In long runs a cell shows the maximum of several steps.";
    return [...nodes, el("p", { class: "fine" }, blank + cell)];
  }
}
