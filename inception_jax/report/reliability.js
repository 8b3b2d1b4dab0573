// The reliability diagram: accuracy against confidence in bins, and the number of images per bin.

const LEFT = 38; // width of the labels of the vertical axis
const HISTOGRAM = 62; // height of the histogram

class Reliability {
  constructor(host, evaluation) {
    this.bins = evaluation.calibration;
    this.width = Math.max(240, Math.min(460, host.clientWidth));
    this.side = this.width - LEFT - 10;
    this.height = Math.min(this.side, 300);
    this.floor = 8 + this.height + 24 + HISTOGRAM;
    this.at = -1;
    const error = evaluation.ece === null ? "" : `: ECE ${evaluation.ece.toFixed(4)}`;
    const hint =
      "Bars: accuracy; orange: gap to the mean confidence; below: images per bin. " +
      "Hover over a bar, or use the arrow keys.";
    this.readout = el("output", { class: "readout" }, hint);
    const title = `Calibration${error}`;
    const svg = this.draw();
    const head = el("h3", { class: "titled" }, el("span", {}, title), saveButton(title, () => svg));
    host.append(head, this.readout, svg);
  }

  x(v) {
    return LEFT + v * this.side;
  }

  y(v) {
    return 8 + (1 - v) * this.height;
  }

  draw() {
    const [viewBox, label] = [`0 0 ${this.width} ${this.floor + 16}`, "Reliability diagram"];
    const shape = { viewBox, width: this.width, tabindex: "0", role: "img", "aria-label": label };
    const svg = el("svg", shape, ...this.axes());
    this.bars = this.bins.map((bin) => this.bin(svg, bin));
    svg.append(this.line("ideal", [0, 1], [this.y(0), this.y(1)]));
    svg.addEventListener("pointermove", (e) => this.point(e, svg.getBoundingClientRect()));
    svg.addEventListener("keydown", (e) => this.key(e));
    return svg;
  }

  line(name, [x1, x2], [y1, y2]) {
    return el("line", { class: name, x1: this.x(x1), x2: this.x(x2), y1, y2 });
  }

  axes() {
    const base = this.line("grid", [0, 1], [this.floor, this.floor]);
    const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((v) => {
      const [text, y] = [percent(v, 0), this.y(v)];
      const below = { x: this.x(v), y: this.floor + 14, "text-anchor": v < 1 ? "middle" : "end" };
      const beside = { x: LEFT - 7, y: y + 4, "text-anchor": "end" };
      return [this.line("grid", [0, 1], [y, y]), el("text", beside, text), el("text", below, text)];
    });
    return [base, ...ticks];
  }

  /** Draws a bin; returns its accuracy bar. */
  bin(svg, [lo, hi, n, confidence, accuracy]) {
    const [x, width] = [this.x(lo) + 1, Math.max(1, this.x(hi) - this.x(lo) - 2)];
    const [y, zero] = [this.y(accuracy), this.y(0)];
    const tall = Math.max(1, (HISTOGRAM * n) / Math.max(...this.bins.map((b) => b[2])));
    const bar = el("rect", { class: "bar", x, width, y, height: zero - y });
    svg.append(
      bar,
      el("rect", { class: "bar", x, width, y: this.floor - tall, height: tall }),
      this.line("gap", [confidence, confidence], [y, this.y(confidence)]),
      el("circle", { class: "dot s1", cx: this.x(confidence), cy: y, r: 3.5 }),
    );
    return bar;
  }

  point(event, box) {
    const v = (((event.clientX - box.left) / box.width) * this.width - LEFT) / this.side;
    this.read(this.bins.findIndex(([lo, hi]) => v >= lo && v <= hi));
  }

  key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    this.read(Math.max(0, Math.min(this.bins.length - 1, this.at + move)));
  }

  read(index) {
    if (index < 0) return;
    this.at = index;
    this.bars.forEach((bar, i) => bar.classList.toggle("chosen-bar", i === index));
    const [lo, hi, n, confidence, accuracy] = this.bins[index];
    this.readout.replaceChildren(
      "confidence ",
      el("b", {}, `${percent(lo)} to ${percent(hi)}`),
      `: ${group(n)} images, mean `,
      el("b", {}, percent(confidence)),
      ", accuracy ",
      el("b", {}, percent(accuracy)),
    );
  }
}
