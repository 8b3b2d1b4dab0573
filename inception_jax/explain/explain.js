"use strict";
// The opacity of the heat maps over their photographs, for each photograph by its own slider.

for (const slider of document.querySelectorAll(".opacity")) {
  const layers = slider.closest("article").querySelectorAll(".layer");
  slider.addEventListener("input", () => {
    for (const layer of layers) layer.style.opacity = slider.value / 100;
  });
}
document.body.dataset.ready = "1";
