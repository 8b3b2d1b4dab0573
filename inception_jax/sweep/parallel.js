// Parallel coordinates: one line per trial, one axis per config key; the metric is the last axis.

class Parallel {
  static height = 300;

  /** `axes`: name, log, values; `trials`: index, label, at, value. */
  constructor(section, { axes, trials, metric, higher }) {
    const last = { name: metric, log: false, values: null, metric: true };
    this.axes = [...axes, last];
    this.trials = trials.map((t) => ({ ...t, at: [...t.at, t.value] }));
    const order = [...trials].sort((a, b) => (higher ? 1 : -1) * (a.value - b.value));
    this.rank = new Map(order.map((t, i) => [t.index, order.length > 1 ? i / (order.length - 1) : 1]));
    this.brushes = new Map();
    this.svg = el("svg", { role: "img" });
    const names = this.axes.map((a) => a.name).join(", ");
    this.svg.setAttribute("aria-label", `Parallel coordinates: one line per trial through ${names}`);
    this.readout = el("output", { class: "readout" });
    section.append(
      el("div", { class: "parallel" }, saveButton("Parallel coordinates", () => this.svg), this.readout, this.svg),
      el("p", { class: "fine" }, "Orange: the best trial; blue: the better half. Drag along an axis to select a range; click the axis to clear it."),
    );
    section.hidden = false;
    this.draw();
    addEventListener("resize", () => this.draw());
  }

  draw() {
    const width = Math.max(320, this.svg.parentElement.clientWidth);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${Parallel.height}`);
    const gap = (width - 130) / Math.max(1, this.axes.length - 1);
    this.x = (i) => 60 + i * gap;
    this.y = this.axes.map((axis, i) => this.scale(axis, i));
    this.lines = new Map();
    this.svg.replaceChildren(...this.trials.map((t) => this.line(t)), ...this.axes.map((a, i) => this.rail(a, i)));
    this.filter();
  }

  scale(axis, i) {
    const [top, bottom] = [34, Parallel.height - 14];
    if (axis.values) {
      const step = (bottom - top) / Math.max(1, axis.values.length - 1);
      return axis.values.length === 1 ? () => (top + bottom) / 2 : (v) => bottom - v * step;
    }
    const [low, high] = extent(this.trials.map((t) => t.at[i]), axis.log) ?? [0, 1];
    axis.bounds = [low, high];
    const warp = axis.log ? Math.log : (v) => v;
    return (v) => bottom - ((warp(v) - warp(low)) / (warp(high) - warp(low))) * (bottom - top);
  }

  line(trial) {
    const d = trial.at.map((v, i) => `${i ? "L" : "M"}${this.x(i).toFixed(1)},${this.y[i](v).toFixed(1)}`).join("");
    const rank = this.rank.get(trial.index);
    const look = rank === 1 ? "q3" : rank >= 0.75 ? "q2" : rank >= 0.5 ? "q1" : "q0";
    const shown = el("path", { class: `trial ${look}`, d });
    this.lines.set(trial.index, shown);
    const near = el("path", {
      class: "near", d,
      onpointerenter: () => this.point(trial.index),
      onpointerleave: () => this.point(null),
    });
    return el("g", { "data-trial": trial.index }, shown, near);
  }

  rail(axis, i) {
    const [x, bottom] = [this.x(i), Parallel.height - 14];
    const ticks = this.ticks(axis, i);
    const node = el("g", {}, el("line", { class: "rail", x1: x, x2: x, y1: 34, y2: bottom }),
      el("text", { class: "name", x, y: 14, "text-anchor": "middle" }, this.short(axis.name)));
    for (const [value, text] of ticks) {
      const label = axis.metric && axis.name !== "loss" ? tickPercent(value) : text;
      node.append(el("text", { x: x + 6, y: this.y[i](value) + 4 }, label));
    }
    const brush = el("rect", { class: "brush", x: x - 9, width: 18, y: 0, height: 0 });
    const handle = el("rect", { class: "hand", x: x - 14, width: 28, y: 28, height: bottom - 22 });
    handle.addEventListener("pointerdown", (e) => this.drag(e, i, handle, brush));
    const range = this.brushes.get(i);
    if (range) Parallel.place(brush, ...range);
    node.append(brush, handle);
    return node;
  }

  /** A key without its section, as long as there is room between two axes. */
  short(name) {
    const room = Math.floor((this.x(1) - this.x(0)) / 7);
    const last = name.split(".").at(-1);
    return last.length > room ? `${last.slice(0, Math.max(2, room - 1))}…` : last;
  }

  /** Ticks at the values themselves if there are few, as in a grid. */
  ticks(axis, i) {
    if (axis.values) return axis.values.map((text, at) => [at, text]);
    const distinct = [...new Set(this.trials.map((t) => t.at[i]))];
    if (distinct.length === 1 || (distinct.length <= 6 && !axis.metric)) return distinct.map((v) => [v, `${+v.toPrecision(3)}`]);
    return axis.log ? logTicks(...axis.bounds) : linearTicks(...axis.bounds, 5);
  }

  static place(brush, from, to) {
    brush.setAttribute("y", Math.min(from, to));
    brush.setAttribute("height", Math.abs(to - from));
  }

  drag(event, i, handle, brush) {
    const box = this.svg.getBoundingClientRect();
    const at = (e) => ((e.clientY - box.top) / box.height) * Parallel.height;
    const from = at(event);
    handle.setPointerCapture(event.pointerId);
    const move = (e) => {
      const moved = Math.abs(at(e) - from) > 3;
      if (moved) this.brushes.set(i, [from, at(e)]);
      else this.brushes.delete(i);
      Parallel.place(brush, from, moved ? at(e) : from);
      this.filter();
    };
    move(event);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", move), { once: true });
  }

  /** Dims trials outside the selected ranges, in the plot and in the table. */
  filter() {
    const inside = (t) => [...this.brushes].every(([i, [a, b]]) => {
      const y = this.y[i](t.at[i]);
      return y >= Math.min(a, b) - 2 && y <= Math.max(a, b) + 2;
    });
    let selected = 0;
    for (const trial of this.trials) {
      const out = !inside(trial);
      selected += out ? 0 : 1;
      this.lines.get(trial.index).classList.toggle("out", out);
      rowOf(trial.index)?.classList.toggle("out", out);
    }
    this.summary = this.brushes.size ? `${selected} of ${this.trials.length} trials` : "";
    this.readout.textContent = this.summary;
  }

  /** Highlights a trial in the plot and in the table; null highlights none. */
  point(index) {
    for (const [i, line] of this.lines) {
      line.classList.toggle("over", i === index);
      rowOf(i)?.classList.toggle("over", i === index);
    }
    const trial = this.trials.find((t) => t.index === index);
    this.readout.textContent = trial ? `trial ${index}: ${trial.label}, ${plain(trial.value)}` : this.summary;
  }
}

const rowOf = (index) => document.querySelector(`#table tr[data-trial="${index}"]`);
