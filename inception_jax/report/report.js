// Entry point: reads the embedded data, draws the charts, and sets data-ready on <body>.

function boot() {
  const { runs } = JSON.parse(document.getElementById("data").textContent);
  if (runs.some((r) => r.curves.length)) new Curves(document.getElementById("curves"), runs);
  if (runs.some((r) => r.monitors.length))
    new Monitors(document.getElementById("monitors"), runs);
  if (runs.some((r) => Object.keys(r.evaluations).length))
    new Evaluations(document.getElementById("evaluation"), runs);
  document.querySelectorAll("table.sortable.results").forEach(sortable);
  const nav = document.getElementById("sections");
  for (const section of document.querySelectorAll("section:not([hidden])")) {
    nav.append(el("a", { href: `#${section.id}` }, section.dataset.title));
  }
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
