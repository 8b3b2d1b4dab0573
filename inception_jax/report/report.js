// Entry point: reads the embedded data, draws the charts, and sets data-ready on <body>.

const CHARTS = [
  ["curves", Curves, (run) => run.curves.length],
  ["monitors", Monitors, (run) => run.monitors.length],
  ["evaluation", Evaluations, (run) => Object.keys(run.evaluations).length],
];
const drawn = {};

/** Draws the data of a page, or redraws newer data. */
function show(page) {
  const { runs } = JSON.parse(page.getElementById("data").textContent);
  for (const [id, Kind, has] of CHARTS) {
    if (!runs.some(has)) continue;
    if (drawn[id]) drawn[id].update(runs);
    else drawn[id] = new Kind(document.getElementById(id), runs);
  }
  navigation();
}

function boot() {
  show(document);
  document.querySelectorAll("table.sortable.results").forEach(sortable);
  copyButtons(document);
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll(".tree details:not([open])")];
    closed.forEach((d) => {
      d.open = true;
    });
  });
  addEventListener("afterprint", () =>
    closed.forEach((d) => {
      d.open = false;
    }),
  );
  document.body.dataset.ready = "1";
}

boot();
