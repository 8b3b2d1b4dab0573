// What tasks other than classification show: a table by output, and predicted against true values.

/** A row for each class or target; `table` has title, columns, names and rows. */
function outputsTable(table) {
  const cell = (v) =>
    el("td", { class: "n", "data-value": v }, v === null ? "–" : Number.isInteger(v) ? group(v) : plain(v));
  const node = el(
    "table",
    {},
    el(
      "thead",
      {},
      el("tr", {}, el("th", {}, ""), ...table.columns.map((c) => el("th", { class: "n" }, c))),
    ),
    el(
      "tbody",
      {},
      ...table.rows.map((row, i) =>
        el("tr", {}, el("th", { scope: "row" }, table.names[i]), ...row.map(cell)),
      ),
    ),
  );
  sortable(node);
  return el(
    "div",
    { class: "per-class" },
    el("h3", {}, table.title),
    el("p", { class: "readout" }, "Click a column title to sort."),
    el(
      "div",
      { class: "scroll tall", tabindex: "0", role: "region", "aria-label": table.title },
      node,
    ),
  );
}

/** Points of true (across) and predicted values (up) of one target, and the line where both are equal. */
function scatter({ name, points }) {
  const side = 300;
  const all = points.flat();
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const at = (v) => 6 + ((side - 12) * (v - low)) / (high - low || 1);
  const svg = el(
    "svg",
    { viewBox: `0 0 ${side} ${side}`, width: side, role: "img", "aria-label": `${name}: predicted against true values` },
    el("line", { class: "ideal", x1: at(low), y1: side - at(low), x2: at(high), y2: side - at(high) }),
    ...points.map(([t, p]) =>
      el("circle", { class: "point", cx: at(t).toFixed(1), cy: (side - at(p)).toFixed(1), r: 2 }),
    ),
  );
  return el(
    "div",
    { class: "reliability" },
    el("h3", {}, `${name}: predicted against true`),
    el("p", { class: "readout" }, `Across: true, up: predicted, both ${plain(low)} to ${plain(high)}. Line: equal.`),
    svg,
  );
}
