// A line chart: series over a shared x axis, a cursor moved by pointer or arrow keys, zoom by dragging.

const MARGIN = { left: 46, right: 10, top: 10, bottom: 22 };
const FONT = 6.4; // width of a digit in axis labels
const DRAG = 5; // pixels from which a press is a drag

class Chart {
  static all = [];
  static paper = 0; // chart width while printing; 0: the element's own width

  /** `spec`: title, format of a value, tall, zero (the axis starts at 0). */
  constructor(spec) {
    this.spec = spec;
    this.svg = el("svg", { tabindex: "0", role: "img" });
    const save = saveButton(spec.title, () => this.svg, () => this.view.series);
    this.head = el("h3", {}, el("span", {}, spec.title), save);
    this.tip = el("div", { class: "tip", hidden: true });
    this.node = el(
      "figure",
      { class: spec.tall ? "chart wide" : "chart" },
      this.head,
      this.svg,
      this.tip,
    );
    this.svg.addEventListener("pointermove", (e) => this.point(e));
    this.svg.addEventListener("pointerdown", (e) => this.press(e));
    this.svg.addEventListener("pointerup", (e) => this.release(e));
    this.svg.addEventListener("pointercancel", () => this.release(null));
    this.svg.addEventListener("dblclick", () => this.view.zoom(null));
    this.svg.addEventListener("pointerleave", () => Chart.clear());
    this.svg.addEventListener("blur", () => Chart.clear());
    this.svg.addEventListener("keydown", (e) => this.key(e));
    Chart.all.push(this);
  }

  static clear() {
    for (const chart of Chart.all) chart.hide();
  }

  /** Redraws the chart. `view`: series, markers, range (of x), xName, xText, log, zoom (sets the range). */
  draw(view) {
    this.view = view;
    this.width = Chart.paper || Math.max(220, this.node.clientWidth);
    this.height = this.spec.tall ? Math.min(280, Math.max(200, this.width * 0.5)) : 150;
    this.scale(view);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.svg.setAttribute("aria-label", this.describe());
    this.cursor = el("line", {
      class: "cursor",
      y1: MARGIN.top,
      y2: this.height - MARGIN.bottom,
      visibility: "hidden",
    });
    this.selection = el("rect", {
      class: "zoom",
      y: MARGIN.top,
      height: this.height - MARGIN.top - MARGIN.bottom,
      visibility: "hidden",
    });
    const clip = `clip-${Chart.all.indexOf(this)}`;
    const span = this.width - MARGIN.left - MARGIN.right;
    this.svg.replaceChildren(
      el(
        "clipPath",
        { id: clip },
        el("rect", {
          x: MARGIN.left - 4,
          y: MARGIN.top - 4,
          width: span + 8,
          height: this.height - MARGIN.top - MARGIN.bottom + 8,
        }),
      ),
      this.axes(),
      ...view.markers.map((m) => this.marker(m)),
      el("g", { "clip-path": `url(#${clip})` }, ...view.series.flatMap((s) => this.series(s))),
      this.cursor,
      this.selection,
    );
  }

  /** The values within the range of x; where lines only cross it, all. */
  inside({ series, range }) {
    const within = (xs, ys) => ys.filter((_, i) => xs[i] >= range[0] && xs[i] <= range[1]);
    const values = series.flatMap((s) => [...within(s.xs, s.ys), ...within(s.xs, s.raw ?? [])]);
    return values.some((v) => this.drawn(v)) ? values : series.flatMap((s) => s.ys);
  }

  scale(view) {
    const { range, log } = view;
    const values = this.inside(view);
    const distinct = new Set(values.filter((v) => this.drawn(v)));
    this.only = distinct.size === 1 ? [...distinct] : null;
    let [low, high] = extent(values, log) ?? [log ? 0.1 : 0, 1];
    if (log) [low, high] = [low / (high / low) ** 0.03, high * (high / low) ** 0.03];
    else
      [low, high] = [
        this.spec.zero && low > 0 ? 0 : low - (high - low) * 0.03,
        high + (high - low) * 0.03,
      ];
    const warp = log ? Math.log : (v) => v;
    const [top, bottom] = [MARGIN.top, this.height - MARGIN.bottom];
    this.bounds = [low, high];
    this.y = (v) => bottom - ((warp(v) - warp(low)) / (warp(high) - warp(low))) * (bottom - top);
    const span = this.width - MARGIN.left - MARGIN.right;
    this.x = (v) => MARGIN.left + ((v - range[0]) / (range[1] - range[0])) * span;
    this.unx = (px) => range[0] + ((px - MARGIN.left) / span) * (range[1] - range[0]);
  }

  axes() {
    const { range, log, xName } = this.view;
    const node = el("g");
    const yTicks =
      this.only?.map((v) => [v, plain(v)]) ??
      (log ? logTicks(...this.bounds) : linearTicks(...this.bounds, this.spec.tall ? 5 : 4));
    for (const [value, text] of yTicks) {
      const y = this.y(value);
      node.append(
        el("line", { class: "grid", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y }),
        el(
          "text",
          { x: MARGIN.left - 7, y: y + 4, "text-anchor": "end" },
          this.spec.tick ? this.spec.tick(value) : text,
        ),
      );
    }
    let free = -Infinity;
    const stop = this.width - xName.length * FONT - 8; // the corner holds the axis name
    for (const [value, text] of this.xTicks(range)) {
      const [x, half] = [this.x(value), (text.length * FONT) / 2];
      if (x - half < free || x + half > stop) continue;
      free = x + half + 10;
      node.append(el("text", { x, y: this.height - 5, "text-anchor": "middle" }, text));
    }
    node.append(el("text", { x: this.width, y: this.height - 5, "text-anchor": "end" }, xName));
    return node;
  }

  /** At round numbers; at the value itself if there is only one. */
  xTicks(range) {
    const xs = new Set(this.view.series.flatMap((s) => s.xs));
    if (xs.size === 1) return [...xs].map((x) => [x, this.view.xText(x)]);
    return linearTicks(...range, this.width / 60);
  }

  marker({ x, color, text }) {
    const [px, bottom] = [this.x(x), this.height - MARGIN.bottom];
    return el(
      "g",
      { class: `s${color}` },
      el("title", {}, text),
      el("line", { class: "resume", x1: px, x2: px, y1: MARGIN.top, y2: bottom }),
      el("path", { class: "flag", d: `M${px - 4},${bottom + 1}h8l-4,-6z` }),
    );
  }

  series({ xs, ys, raw, color, dash, dots }) {
    const nodes = [];
    if (raw) nodes.push(el("path", { class: `line raw s${color}`, d: this.path(xs, raw) }));
    nodes.push(
      el("path", { class: `line s${color}`, "stroke-dasharray": dash, d: this.path(xs, ys) }),
    );
    ys.forEach((y, i) => {
      const alone = this.drawn(y) && !this.drawn(ys[i - 1]) && !this.drawn(ys[i + 1]);
      if (!alone && !(dots && this.drawn(y))) return;
      nodes.push(el("circle", { class: `dot s${color}`, cx: this.x(xs[i]), cy: this.y(y), r: 3 }));
    });
    return nodes;
  }

  drawn(y) {
    return y !== null && y !== undefined && !(this.view.log && y <= 0);
  }

  path(xs, ys) {
    let [d, pen] = ["", "M"];
    for (let i = 0; i < xs.length; i++) {
      if (!this.drawn(ys[i])) pen = "M";
      else {
        d += `${pen}${this.x(xs[i]).toFixed(1)},${this.y(ys[i]).toFixed(1)}`;
        pen = "L";
      }
    }
    return d;
  }

  describe() {
    const last = this.view.series.map(({ label, ys }) => {
      const value = ys.findLast((y) => y !== null && y !== undefined);
      return value === undefined ? "" : `${label} last ${this.spec.format(value)}`;
    });
    return `${this.spec.title} against ${this.view.xName}: ${last.filter(Boolean).join("; ")}. Arrow keys move the cursor.`;
  }

  point(event) {
    const px = this.pixel(event);
    if (this.from !== undefined && Math.abs(px - this.from) > DRAG) this.select(px);
    this.show(this.unx(px));
  }

  pixel(event) {
    const box = this.svg.getBoundingClientRect();
    const px = ((event.clientX - box.left) / box.width) * this.width;
    return Math.max(MARGIN.left, Math.min(this.width - MARGIN.right, px));
  }

  press(event) {
    this.point(event);
    this.from = this.pixel(event);
    this.svg.setPointerCapture(event.pointerId);
  }

  select(px) {
    this.selection.setAttribute("x", Math.min(px, this.from));
    this.selection.setAttribute("width", Math.abs(px - this.from));
    this.selection.setAttribute("visibility", "visible");
  }

  /** Zooms if the pointer was dragged; null: the browser has taken the pointer. */
  release(event) {
    const [from, to] = [this.from, event && this.pixel(event)];
    this.from = undefined;
    this.selection.setAttribute("visibility", "hidden");
    if (event && from !== undefined && Math.abs(to - from) > DRAG)
      this.view.zoom([from, to].sort((a, b) => a - b).map(this.unx));
  }

  key(event) {
    if (event.key === "Escape") return Chart.clear();
    const stride = {
      ArrowLeft: -1,
      ArrowRight: 1,
      PageDown: 10,
      PageUp: -10,
      Home: -Infinity,
      End: Infinity,
    }[event.key];
    if (stride === undefined) return;
    event.preventDefault();
    const xs = [...new Set(this.view.series.flatMap((s) => s.xs))].sort((a, b) => a - b);
    const here = this.at === undefined ? -1 : xs.findIndex((x) => x >= this.at);
    this.show(xs[Math.max(0, Math.min(xs.length - 1, here + stride))]);
  }

  /** Moves the cursor of every chart to `x`, and shows this chart's values. */
  show(x) {
    const [low, high] = this.view.range;
    const rows = this.view.series
      .map((s) => [s, nearest(s, x)])
      .filter(([s, i]) => i >= 0 && s.xs[i] >= low && s.xs[i] <= high);
    if (!rows.length) return;
    const distance = ([s, i]) => Math.abs(s.xs[i] - x);
    const [closest, index] = rows.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    const at = closest.xs[index];
    for (const chart of Chart.all) chart.place(at, chart === this);
    this.tip.replaceChildren(
      el("p", {}, `${this.view.xName} ${this.view.xText(at)}`),
      ...rows.map(([s, i]) =>
        el(
          "p",
          {},
          el("span", {}, el("i", { class: `swatch s${s.color}` }), s.label),
          el("b", {}, this.spec.format(s.ys[i])),
        ),
      ),
    );
    this.tip.hidden = false;
    const [px, wide] = [(this.x(at) / this.width) * this.svg.clientWidth, this.tip.offsetWidth];
    const left = px + 14 + wide > this.node.clientWidth ? px - 14 - wide : px + 14;
    this.tip.style.left = `${Math.max(0, Math.min(left, this.node.clientWidth - wide))}px`;
    // A long list of values (many runs) is placed below the chart if there is room.
    const tall = this.tip.offsetHeight;
    const room = this.node.getBoundingClientRect().bottom + tall < innerHeight;
    this.tip.style.top =
      room && tall > 0.45 * this.svg.clientHeight ? "100%" : `${this.head.offsetHeight + 6}px`;
  }

  place(x, own) {
    if (!this.view || !this.cursor) return;
    this.at = x;
    for (const name of ["x1", "x2"]) this.cursor.setAttribute(name, this.x(x));
    this.cursor.setAttribute("visibility", "visible");
    if (!own) this.tip.hidden = true;
  }

  hide() {
    this.at = undefined;
    this.tip.hidden = true;
    this.cursor?.setAttribute("visibility", "hidden");
  }
}

/** The index of the value nearest to `x` that is drawn, or -1. */
function nearest({ xs, ys }, x) {
  let best = -1;
  for (let i = 0; i < xs.length; i++) {
    if (ys[i] === null || ys[i] === undefined) continue;
    if (best < 0 || Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
  }
  return best;
}
