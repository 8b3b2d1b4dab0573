// Entry point: reads the embedded data, draws the charts, and sets data-ready on <body>.

function bootSweep() {
  const data = JSON.parse(document.getElementById("data").textContent);
  document.querySelectorAll("table.sortable").forEach(sortable);
  if (data.trials.length > 1 && data.axes.length) {
    const parallel = new Parallel(document.getElementById("parallel"), data);
    for (const row of document.querySelectorAll("#table tbody tr")) {
      const index = Number(row.dataset.trial);
      row.addEventListener("pointerenter", () => parallel.point(index));
      row.addEventListener("pointerleave", () => parallel.point(null));
    }
  }
  if (data.runs.length) new Curves(document.getElementById("curves"), data.runs, 8);
  copyButtons(document);
  navigation();
  document.body.dataset.ready = "1";
}

bootSweep();
