// Sortable tables, and the table of the most confused pairs of classes.

/** Makes a table sortable by its column titles; a cell's key is data-value, else its text. */
function sortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = el("button", { type: "button" }, header.textContent);
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      const numeric = header.classList.contains("n");
      const first = numeric ? "descending" : "ascending";
      const other = numeric ? "ascending" : "descending";
      const order = header.getAttribute("aria-sort") === first ? other : first;
      headers.forEach((h) => h.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", order);
      sortRows(table.tBodies[0], column, numeric, order === "ascending" ? 1 : -1);
    });
  });
}

function sortRows(body, column, numeric, sign) {
  const key = (row) => {
    const cell = row.cells[column];
    const value = cell?.dataset.value ?? cell?.textContent.trim() ?? "";
    return numeric ? Number.parseFloat(value) : value;
  };
  const compare = (a, b) => {
    if (!numeric) return sign * a.localeCompare(b, "en", { numeric: true });
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // missing values last
    return sign * (a - b);
  };
  body.append(
    ...[...body.rows]
      .map((row) => [key(row), row])
      .sort(([a], [b]) => compare(a, b))
      .map(([, row]) => row),
  );
}

/** The table of the most confused pairs of classes. */
function pairsTable(names, pairs) {
  const head = el(
    "tr",
    {},
    ...["true class", "predicted class"].map((t) => el("th", {}, t)),
    ...["images", "share of class"].map((t) => el("th", { class: "n" }, t)),
  );
  const rows = pairs.map(([t, p, n, share]) =>
    el(
      "tr",
      {},
      el("td", {}, names[t]),
      el("td", {}, names[p]),
      el("td", { class: "n", "data-value": n }, group(n)),
      el("td", { class: "n", "data-value": share }, percent(share)),
    ),
  );
  const table = el("table", { class: "sortable" }, el("thead", {}, head), el("tbody", {}, ...rows));
  sortable(table);
  return el(
    "div",
    { class: "pairs" },
    el("h3", {}, "Most confused classes"),
    el(
      "p",
      { class: "readout" },
      "Number of images of one class that were predicted as another. Click a column title to sort.",
    ),
    el(
      "div",
      {
        class: "scroll tall",
        tabindex: "0",
        role: "region",
        "aria-label": "Most confused pairs of classes",
      },
      table,
    ),
  );
}
