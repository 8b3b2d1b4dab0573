"use strict";
// DOM elements and number formats. Text is only inserted as text nodes, so a class may be called "<b>".

window.addEventListener("error", (event) => {
  document.body.dataset.error = event.message;
});

const SVG_TAGS = new Set(["svg", "g", "path", "line", "rect", "circle", "text", "title", "clipPath"]);

/** Creates an HTML or SVG element with attributes; on* attributes are event listeners. */
function el(tag, attributes = {}, ...children) {
  const node = SVG_TAGS.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const group = (value) => value.toLocaleString("en-US");
const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}%`;

/** A number to four significant digits: 1,830  0.3127  4.5e-5. */
function plain(value) {
  const size = Math.abs(value);
  if (size >= 1000 || Number.isInteger(value)) return group(Math.round(value));
  if (size !== 0 && size < 1e-3) return value.toExponential(2);
  return value.toPrecision(4);
}

/** A tick label on an axis with tick distance `step`. */
function tickText(value, step) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3) return value.toExponential(Math.min(1, digitsOf(value / 10 ** exponent(value))));
  if (size >= 1e6) return `${+(value / 1e6).toFixed(2)}M`;
  if (size >= 1e4) return `${+(value / 1e3).toFixed(1)}k`;
  return value.toFixed(Math.max(0, -exponent(step)));
}
const exponent = (value) => Math.floor(Math.log10(Math.abs(value)) + 1e-9);
const digitsOf = (value) => (Math.abs(value - Math.round(value)) < 1e-6 ? 0 : 1);

/** A segmented control: a choice of one of a few values. */
function segments(legend, choices, chosen, onchange) {
  const name = `choice-${legend}`;
  return el(
    "fieldset",
    { class: "segments" },
    el("legend", {}, legend),
    ...choices.map(([value, text]) =>
      el(
        "label",
        {},
        el("input", {
          type: "radio",
          name,
          value,
          checked: value === chosen,
          onchange: () => onchange(value),
        }),
        text,
      ),
    ),
  );
}

/** Lets the buttons beside commands copy them. */
function copyButtons(root) {
  for (const button of root.querySelectorAll(".command .copy")) {
    const code = button.parentElement.querySelector("pre");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        getSelection().selectAllChildren(code); // no permission: the older way
        document.execCommand("copy");
      }
      button.textContent = "copied";
      setTimeout(() => {
        button.textContent = "copy";
      }, 1500);
    });
  }
}

/** Links to the sections that are shown. */
function navigation() {
  const shown = [...document.querySelectorAll("section:not([hidden])")];
  document
    .getElementById("sections")
    .replaceChildren(...shown.map((s) => el("a", { href: `#${s.id}` }, s.dataset.title)));
}
