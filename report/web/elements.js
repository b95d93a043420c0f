"use strict";
// Draws a page from its data. All text enters as text, never as markup, so that names
// of files and classes may hold anything.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const MINUS = "−";
const SECONDS_PER_STEP = 0.9;
const FIRST_FACTS = 3;
const MARKED = 15; // points of a line that are marked each
const MARKS = { right: "✓", wrong: "✗", none: "–", detection: "●" };
const WORDS = new Map(data.outcomes.map(({ key, words }) => [key, words]));

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const h = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

const s = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function number(value, digits) {
  if (value === null || value === undefined) return "–";
  return value.toFixed(digits).replace("-", MINUS);
}

/** Return a number with about three digits that tell. */
function short(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value)) return String(value).replace("-", MINUS);
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-4) return value.toExponential(1).replace(/-/g, MINUS);
  return number(value, digitsFor(size));
}

/** Return the decimals that numbers up to a size are shown with. */
const digitsFor = (size) => (size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);

/** Return a name that may be broken behind / and _. */
const breakable = (name) => name.split(/(?<=[/_])/).flatMap((part) => [part, h("wbr")]);

const percent = (share) => `${number(100 * share, share < 0.095 ? 1 : 0)} %`;

const badge = (outcome) =>
  h(
    "span",
    {},
    h("span", { class: `mark ${outcome}`, text: MARKS[outcome] }),
    ` ${WORDS.get(outcome)}`,
  );
