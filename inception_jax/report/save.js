// Figures as SVG files: a copy with its computed style, a title and a legend.

const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin",
  "stroke-linecap", "opacity", "font-family", "font-size", "font-weight", "shape-rendering",
];

/** A button that saves a figure. `figure`: returns its <svg>; `legend`: label, color, dash of each line. */
function saveButton(title, figure, legend = () => []) {
  const save = () => {
    const text = standalone(title, figure(), legend());
    const blob = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    const name = title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    el("a", { href: blob, download: `${name}.svg` }).click();
    setTimeout(() => URL.revokeObjectURL(blob), 10_000);
  };
  const hint = `Save “${title}” as an SVG file`;
  return el("button", { type: "button", class: "tool", title: hint, onclick: save }, "SVG");
}

/** The text of an SVG file with the figure, at its size on the screen. */
function standalone(title, svg, legend) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const style = getComputedStyle(document.body);
  const text = { "font-family": "Helvetica, Arial, sans-serif", "font-size": 11, fill: style.color };
  const rows = legend.map((line, i) => legendRow(line, height + 46 + 16 * i, text));
  const [left, right] = [6, 8];
  const full = [width + left + right, height + 42 + 16 * rows.length];
  const out = el(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", width: full[0], height: full[1], viewBox: `${-left} 0 ${full.join(" ")}` },
    el("rect", { x: -left, y: 0, width: full[0], height: full[1], fill: style.backgroundColor }),
    el("text", { ...text, x: 0, y: 16, "font-size": 13, "font-weight": 600 }, title),
    el("g", { transform: "translate(0 28)" }, ...styled(svg).childNodes),
    ...rows,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(out)}\n`;
}

/** A copy whose style is in its attributes, without what is not shown. */
function styled(svg) {
  const copy = svg.cloneNode(true);
  const copies = [...copy.querySelectorAll("*")];
  [...svg.querySelectorAll("*")].forEach((node, i) => {
    const style = getComputedStyle(node);
    if (style.visibility === "hidden") copies[i].remove();
    copies[i].removeAttribute("class");
    for (const name of STYLES) copies[i].setAttribute(name, style.getPropertyValue(name));
  });
  return copy;
}

function legendRow({ label, color, dash }, y, text) {
  const stroke = getComputedStyle(document.documentElement).getPropertyValue(`--s${color}`);
  const line = { d: `M4,${y - 4}h22`, stroke, "stroke-width": 2, "stroke-dasharray": dash, fill: "none" };
  return el("g", {}, el("path", line), el("text", { ...text, x: 34, y }, label));
}
