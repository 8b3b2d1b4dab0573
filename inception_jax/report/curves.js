// The curves of all runs, and their controls.

class Curves {
  /** `shown`: number of runs drawn initially; the others can be switched on. */
  constructor(section, runs, shown = Infinity) {
    this.section = section;
    this.off = new Set(runs.slice(shown).map((r) => `run ${r.name}`));
    this.log = false;
    this.zoom = null; // the range of x; null: all
    this.build(runs);
    const on = (event, width) =>
      addEventListener(event, () => {
        Chart.paper = width;
        this.draw();
      });
    on("resize", 0);
    on("beforeprint", 340);
    on("afterprint", 0);
  }

  build(runs) {
    this.runs = runs;
    this.splits = [...new Set(runs.flatMap((r) => r.curves.map((c) => c.label)))];
    const has = (axis) => runs.every((r) => r.curves.every((c) => axis in c.columns));
    this.axes = Object.entries(AXES).filter(([key]) => has(key));
    if (!this.axes.some(([key]) => key === this.axis)) this.axis = this.axes[0]?.[0] ?? "step";
    const points = Math.max(
      0,
      ...runs.flatMap((r) =>
        r.curves.filter((c) => c.split === "train").map((c) => c.columns.step.length),
      ),
    );
    this.smoothing ??= points > 60 ? 0.6 : 0;
    Chart.all = [];
    this.charts = this.panels().map((spec) => new Chart(spec));
    this.addLogToggle();
    this.section.replaceChildren(
      this.section.querySelector("h2"),
      this.toolbar(),
      el("div", { class: "panels" }, ...this.charts.map((c) => c.node)),
      ...this.footnotes(),
    );
    this.section.hidden = false;
    this.shape = this.shapeOf(runs);
    this.draw();
  }

  /** Newer data of the same runs: controls, zoom and cursor stay. */
  update(runs) {
    const shown = Chart.all.find((chart) => chart.at !== undefined && !chart.tip.hidden);
    const at = shown?.at;
    if (this.shapeOf(runs) !== this.shape) this.build(runs);
    else {
      this.runs = runs;
      this.draw();
    }
    if (Chart.all.includes(shown)) shown.show(at);
  }

  /** What the controls and panels depend on. */
  shapeOf(runs) {
    const parts = runs.map((r) => [r.name, r.curves.map((c) => [c.label, Object.keys(c.columns)])]);
    return JSON.stringify(parts);
  }

  panels() {
    const columns = this.runs.flatMap((r) => r.curves.flatMap((c) => Object.entries(c.columns)));
    const keys = new Set(columns.map(([key]) => key));
    const nonzero = new Set(columns.filter(([, ys]) => ys.some((y) => y)).map(([key]) => key));
    const extra = [...nonzero].filter((k) => !KNOWN.has(k)).slice(0, 12); // no chart for a constant 0
    return PANELS.filter((p) => keys.has(p.key))
      .map((p, i) => ({ ...p, tall: p.tall || (i === 0 && p.key === "loss") }))
      .concat(extra.map((key) => ({ key, title: key, format: plain })));
  }

  addLogToggle() {
    const chart = this.charts.find((c) => c.spec.log);
    chart?.head.insertBefore(
      el(
        "label",
        {},
        el("input", {
          type: "checkbox",
          id: "log-loss",
          checked: this.log,
          onchange: (e) => {
            this.log = e.target.checked;
            this.draw();
          },
        }),
        "log scale",
      ),
      chart.head.lastChild,
    );
  }

  toolbar() {
    const shown = el("output", {}, this.smoothing.toFixed(2));
    const slider = el("input", {
      type: "range",
      min: 0,
      max: 0.99,
      step: 0.01,
      value: this.smoothing,
      oninput: (e) => {
        this.smoothing = Number(e.target.value);
        shown.textContent = this.smoothing.toFixed(2);
        this.draw();
      },
    });
    const several = this.runs.length > 1;
    return el(
      "div",
      { class: "toolbar" },
      this.axes.length > 1
        ? segments("horizontal axis", this.axes, this.axis, (a) => {
            this.axis = a;
            this.zoom = null;
            this.draw();
          })
        : null,
      (this.reset = el("button", { type: "button", class: "tool", onclick: () => this.zoomTo(null) }, "reset zoom")),
      this.runs.some((r) => r.curves.some((c) => c.split === "train"))
        ? el("label", { class: "smoothing" }, "smoothing (training curves)", slider, shown)
        : null,
      several
        ? this.legend(
            "Runs",
            this.runs.map((r) => r.name),
            "run",
            (i) => [i, null],
          )
        : null,
      this.legend("Splits", this.splits, "split", (i) =>
        several ? [7, DASHES[i % 5]] : [i, null],
      ),
    );
  }

  /** Checkboxes that show or hide runs or splits, with their line style. */
  legend(name, labels, kind, look) {
    return el(
      "fieldset",
      { class: "keys" },
      el("legend", {}, name),
      ...labels.map((label, i) => {
        const [color, dash] = look(i);
        const line = el("path", {
          class: `line s${color % 8}`,
          "stroke-dasharray": dash,
          "stroke-width": 2.5,
          d: "M1,5H21",
        });
        return el(
          "label",
          { class: "key" },
          el("input", {
            type: "checkbox",
            checked: !this.off.has(`${kind} ${label}`),
            onchange: (e) => {
              this.off[e.target.checked ? "delete" : "add"](`${kind} ${label}`);
              this.draw();
            },
          }),
          el("svg", { viewBox: "0 0 22 10", "aria-hidden": "true" }, line),
          label,
        );
      }),
    );
  }

  footnotes() {
    const thin = this.runs.flatMap((r) => r.curves).filter((c) => c.thinned);
    const notes = ["Drag across a chart to zoom in, double-click to zoom out."];
    if (this.charts.some((c) => c.spec.key === "nll"))
      notes.push(
        "Cross-entropy is that of the labels themselves in every split; the objective of training " +
          "also has smoothed or mixed labels, auxiliary heads and L2, and its images are augmented.",
      );
    if (this.runs.some((r) => r.resumes.length))
      notes.push("Triangles: the run was resumed.");
    if (this.axes.some(([key]) => key === "hours"))
      notes.push("Hours exclude the pauses between attempts.");
    if (thin.length)
      notes.push(
        `Long curves (up to ${group(Math.max(...thin.map((c) => c.thinned)))} points) are thinned; spikes are preserved.`,
      );
    return [el("p", { class: "fine" }, notes.join(" "))];
  }

  zoomTo(range) {
    this.zoom = range;
    this.draw();
  }

  draw() {
    Chart.clear();
    const visible = this.runs
      .map((run, i) => [run, i])
      .filter(([run]) => !this.off.has(`run ${run.name}`));
    const all = extent(
      visible.flatMap(([r]) => r.curves.flatMap((c) => c.columns[this.axis])),
      false,
    ) ?? [0, 1];
    const range = this.zoom ?? all;
    this.reset.hidden = !this.zoom;
    const markers = visible.flatMap(([run, i]) => this.markers(run, i, range));
    for (const chart of this.charts) {
      const series = visible.flatMap(([run, i]) =>
        run.curves.flatMap((c) => this.series(run, i, c, chart.spec.key)),
      );
      chart.draw({
        series,
        markers,
        range,
        xName: this.axis,
        log: this.log && chart.spec.log,
        xText: (v) => (this.axis === "step" ? group(Math.round(v)) : v.toFixed(2)),
        zoom: (to) => this.zoomTo(to),
      });
    }
  }

  series(run, i, curve, key) {
    const split = this.splits.indexOf(curve.label);
    const values = curve.columns[key];
    if (!values || this.off.has(`split ${curve.label}`)) return [];
    const several = this.runs.length > 1;
    const soft = curve.split === "train" && key !== "lr" && this.smoothing > 0;
    return [
      {
        label: several ? `${run.name} ${curve.label}` : curve.label,
        xs: curve.columns[this.axis],
        ys: soft ? smooth(values, this.smoothing) : values,
        raw: soft && !several ? values : null,
        color: (several ? i : split) % 8,
        dash: several ? DASHES[split % 5] : null,
        dots: curve.split !== "train" && !several && values.length <= 80,
      },
    ];
  }

  /** Positions on the current axis at which the run was resumed. */
  markers(run, i, range) {
    const columns = (run.curves.find((c) => c.split === "train") ?? run.curves[0])?.columns;
    if (!columns) return [];
    return run.resumes
      .map(({ step, host }) => {
        const x = columns[this.axis][nearest({ xs: columns.step, ys: columns[this.axis] }, step)];
        const text = `${run.name} resumed at step ${group(step)}${host ? ` on ${host}` : ""}`;
        return { x, color: this.runs.length > 1 ? i % 8 : 7, text };
      })
      .filter((m) => m.x >= range[0] && m.x <= range[1]);
  }
}
