// The evaluation of one selected run and split.

class Evaluations {
  constructor(section, runs) {
    this.bar = el("div", { class: "toolbar" });
    this.body = el("div", { class: "evaluation" });
    section.append(this.bar, this.body);
    section.hidden = false;
    this.update(runs);
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) this.draw(); // phones report a resize when the address bar hides
      width = innerWidth;
    });
  }

  /** Newer data; the selected run and split stay. */
  update(runs) {
    const text = JSON.stringify(runs.map((r) => r.evaluations));
    if (text === this.text) return;
    Object.assign(this, { runs, text });
    this.withFiles = runs.map((_, i) => i).filter((i) => Object.keys(runs[i].evaluations).length);
    this.run ??= this.withFiles[0];
    this.split ??= Object.keys(runs[this.run].evaluations)[0];
    this.draw();
  }

  draw() {
    const { evaluations } = this.runs[this.run];
    if (!(this.split in evaluations)) this.split = Object.keys(evaluations)[0];
    const evaluation = evaluations[this.split];
    this.controls(evaluations);
    this.body.replaceChildren();
    if (evaluation.confusion) {
      const confusion = new Confusion(evaluation);
      this.body.append(confusion.node, pairsTable(evaluation.classes, evaluation.confusion.pairs));
      confusion.draw();
    }
    if (evaluation.table) this.body.append(outputsTable(evaluation.table));
    this.body.append(...evaluation.scatter.filter((s) => s.points.length).map(scatter));
    if (evaluation.per_class.length) this.body.append(this.perClass(evaluation));
    if (evaluation.calibration.length) {
      const node = el("div", { class: "reliability" });
      this.body.append(node);
      new Reliability(node, evaluation);
    }
    if (evaluation.mistakes.length) this.body.append(mistakes(evaluation));
    if (evaluation.filters) this.body.append(filters(evaluation.filters));
    if (!this.body.childElementCount)
      this.body.append(el("p", { class: "quiet" }, "The evaluation file contains no details."));
  }

  controls(evaluations) {
    const focused = document.activeElement?.name;
    const pick = (key) => (value) => {
      this[key] = key === "run" ? Number(value) : value;
      this.draw();
    };
    const several = this.runs.length > 1;
    const splits = Object.keys(evaluations);
    this.bar.replaceChildren(
      ...(several
        ? [
            segments(
              "run",
              this.withFiles.map((i) => [i, this.runs[i].name]),
              this.run,
              pick("run"),
            ),
          ]
        : []),
      ...(splits.length > 1 || several
        ? [
            segments(
              "split",
              splits.map((s) => [s, s]),
              this.split,
              pick("split"),
            ),
          ]
        : [el("span", { class: "quiet" }, `split ${splits[0]}`)]),
    );
    if (focused) this.bar.querySelector(`[name="${focused}"]:checked`)?.focus(); // the element was replaced
  }

  /** Accuracy of each class: the selected run with its interval, other runs as dots. */
  perClass(evaluation) {
    const others = this.withFiles
      .filter((i) => i !== this.run)
      .map((i) => [i, this.runs[i].evaluations[this.split]])
      .filter(([, e]) => e && e.classes.length === evaluation.classes.length)
      .map(([i, e]) => [i, new Map(e.per_class.map(([c, , top1]) => [c, top1]))]);
    const all = [
      ...evaluation.per_class.flatMap((row) => row.slice(3)),
      ...others.flatMap(([, by]) => [...by.values()]),
    ];
    const [left, right] = [
      Math.floor(10 * Math.min(...all) + 1e-9) / 10,
      Math.ceil(10 * Math.max(...all) - 1e-9) / 10,
    ];
    const at = (v) => (v - left) / Math.max(0.1, right - left);
    const rows = [...evaluation.per_class]
      .sort((a, b) => a[2] - b[2])
      .map(([c, n, top1, low, high]) => {
        const dots = others.filter(([, by]) => by.has(c)).map(([i, by]) => dot(at(by.get(c)), i));
        return el(
          "tr",
          {},
          el("th", { scope: "row" }, evaluation.classes[c]),
          el("td", { class: "n", "data-value": n }, group(n)),
          el("td", { class: "n", "data-value": top1 }, percent(top1)),
          el(
            "td",
            { class: "range" },
            el(
              "span",
              { class: "strip" },
              whisker(at(low), at(high), this.run),
              ...dots,
              dot(at(top1), this.run),
            ),
          ),
        );
      });
    const table = el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", {}, "class"),
          el("th", { class: "n" }, "images"),
          el("th", { class: "n", "aria-sort": "ascending" }, "top-1"),
          el("th", {}),
        ),
      ),
      el("tbody", {}, ...rows),
    );
    sortable(table);
    table.tHead.rows[0].cells[3].textContent = `${percent(left, 0)} to ${percent(right, 0)}`;
    return el(
      "div",
      { class: "per-class" },
      el("h3", {}, "Accuracy by class"),
      el(
        "p",
        { class: "readout" },
        `Lines: 95% intervals.${others.length ? " Other colours: other runs." : ""} Click a column title to sort.`,
      ),
      el(
        "div",
        { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Accuracy by class" },
        table,
      ),
    );
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

function mistakes(evaluation) {
  const values = evaluation.scatter.length > 0; // of a regression
  const name = (i) => (values ? plain(i) : (evaluation.classes[i] ?? `class ${i}`));
  const figures = evaluation.mistakes.map((m) => {
    const image = el("img", { src: m.uri, alt: `image ${m.name}` });
    image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= 96));
    return el(
      "figure",
      { title: `image ${m.name}` },
      image,
      el(
        "figcaption",
        {},
        el("span", {}, name(m.truth)),
        el("span", {}, `→ ${name(m.prediction)}`),
        el("span", { class: "quiet" }, values ? `${plain(m.probability)} σ` : percent(m.probability)),
      ),
    );
  });
  return el(
    "div",
    { class: "full" },
    el("h3", {}, values ? "Largest errors" : "Most confident mistakes"),
    el(
      "p",
      { class: "readout" },
      values
        ? "True value → predicted value, and the error in standard deviations of the target."
        : "True class → predicted class, and its predicted probability.",
    ),
    el("div", { class: "mistakes" }, ...figures),
  );
}

function filters(picture) {
  return el(
    "div",
    { class: "filters full" },
    el("h3", {}, "Filters of the first layer"),
    el("p", { class: "readout" }, `${picture.caption}.`),
    el("img", {
      src: picture.uri,
      width: picture.width,
      height: picture.height,
      alt: picture.caption,
    }),
  );
}
