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

// ---------------------------------------------------------------- elements

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
  h("span", {}, h("span", { class: `mark ${outcome}`, text: MARKS[outcome] }), ` ${WORDS.get(outcome)}`);

// ---------------------------------------------------------------- scores

function showScores() {
  data.about.forEach(([name, value], index) =>
    $(index < FIRST_FACTS ? "about" : "made").append(h("div", {}, h("dt", { text: name }), h("dd", { text: value }))));
  $("made-with").hidden = data.about.length <= FIRST_FACTS;
  if (!data.rows.length) return;
  $("scores").hidden = false;
  $("table").append(
    h("thead", {}, h("tr", {}, ...data.columns.map((text) => h("th", { scope: "col", text })))),
    h("tbody", {}, ...data.rows.map(([name, ...cells]) =>
      h("tr", {}, h("th", { scope: "row", text: name }), ...cells.map((text) => h("td", { text }))))));
}

// ---------------------------------------------------------------- curves

/** Return round numbers that divide an axis from low to high, each with its text. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  if (low >= 1) step = Math.max(step, 1);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++)
    found.push([n * step, number(n * step, digits)]);
  return found;
}

/** Return the first of the points that are nearest to x. */
function nearest(xs, x) {
  let best = -1;
  xs.forEach((value, index) => {
    if (best < 0 || Math.abs(value - x) < Math.abs(xs[best] - x)) best = index;
  });
  return best;
}

function makePlot(plot) {
  const svg = s("svg", { tabindex: 0, role: "img", "aria-label": `${plot.title}: ${plot.y} over ${plot.x}. Arrow keys read values.` });
  const at = h("li", { text: " " });
  const outputs = plot.lines.map(() => h("output", {}));
  const legend = h("ul", { class: "legend", "aria-live": "polite" },
    ...plot.lines.map((line, index) => h("li", {},
      s("svg", { viewBox: "0 0 26 10", "aria-hidden": "true" },
        s("line", { x1: 0, x2: 26, y1: 5, y2: 5, "stroke-width": 2.5, class: `series${index % 6}` })),
      `${line.name} `, outputs[index])),
    at);
  const figure = h("figure", { class: "plot" }, h("figcaption", { text: plot.title }), svg, legend);
  const xs = plot.lines.flatMap((line) => line.x), ys = plot.lines.flatMap((line) => line.y);
  // Shares begin at 0, what is counted at 1.
  const first = Math.min(...xs), low = first >= 1 ? first : Math.min(first, 0);
  const high = Math.max(...xs, low + 1e-9);
  const largest = Math.max(...ys, 1e-9), top = largest <= 1 ? 1 : largest;
  const left = 58, right = 14, above = 10, below = 42;
  let width = 0, height = 260, pointer = null;
  const xOf = (x) => left + ((x - low) / (high - low)) * (width - left - right);
  const yOf = (y) => height - below - (y / top) * (height - above - below);
  const dot = (x, y, index, r) => s("circle", { class: `dot series${index % 6}`, cx: xOf(x), cy: yOf(y), r });
  const layer = s("g");

  function draw() {
    width = svg.clientWidth || 400;
    height = svg.clientHeight || 260;
    svg.replaceChildren();
    for (const [y, text] of ticks(0, top, 5))
      svg.append(
        s("line", { class: "grid", x1: left, x2: width - right, y1: yOf(y), y2: yOf(y) }),
        s("text", { x: left - 8, y: yOf(y) + 4, "text-anchor": "end", text }));
    for (const [x, text] of ticks(low, high, Math.min(Math.max(3, width / 90), 10)))
      svg.append(s("text", { x: xOf(x), y: height - below + 18, "text-anchor": "middle", text }));
    svg.append(
      s("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle", text: plot.x }),
      s("text", { x: 14, y: (height - below + above) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(height - below + above) / 2})`, text: plot.y }));
    plot.lines.map((line, index) => {
      const points = line.x.map((x, n) => `${xOf(x).toFixed(1)},${yOf(line.y[n]).toFixed(1)}`);
      return s("polyline", { class: `line series${index % 6}`, points: points.join(" ") });
    }).reverse().forEach((line) => svg.append(line));
    plot.lines.forEach((line, index) => {
      if (line.x.length <= MARKED) svg.append(...line.x.map((x, n) => dot(x, line.y[n], index, 3)));
    });
    svg.append(layer);
    point(pointer);
  }

  function point(x) {
    pointer = x;
    layer.replaceChildren();
    outputs.forEach((output) => { output.textContent = ""; });
    at.textContent = x === null ? " " : `at ${plot.x} ${short(Number(x.toPrecision(3)))}`;
    if (x === null) return;
    layer.append(s("line", { class: "pointer", x1: xOf(x), x2: xOf(x), y1: above, y2: height - below }));
    plot.lines.forEach((line, index) => {
      const n = nearest(line.x, x);
      // A curve that ends before has no value there.
      if (n < 0 || Math.abs(line.x[n] - x) > (high - low) / 20) {
        outputs[index].textContent = "–";
        return;
      }
      outputs[index].textContent = short(Number(line.y[n].toPrecision(3)));
      layer.append(dot(line.x[n], line.y[n], index, 5));
    });
  }

  const within = (x) => Math.min(Math.max(x, low), high);
  svg.addEventListener("pointermove", (event) => {
    const x = event.clientX - svg.getBoundingClientRect().left;
    point(within(low + ((x - left) / (width - left - right)) * (high - low)));
  });
  svg.addEventListener("pointerleave", () => point(null));
  svg.addEventListener("blur", () => point(null));
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    point(within((pointer ?? low) + (way * (high - low)) / 40));
  });
  new ResizeObserver(draw).observe(svg);
  return figure;
}

function showCurves() {
  const plots = data.plots.filter((plot) => plot.lines.some((line) => line.x.length));
  $("curves").hidden = !plots.length;
  $("plots").append(...plots.map(makePlot));
}

// ---------------------------------------------------------------- pictures

/** Return a picture that fits into width x height, with a drawing over it. */
function makePicture(item, maxHeight, description) {
  const image = data.images[item.image];
  const svg = s("svg", { viewBox: `0 0 ${image.width} ${image.height}`, preserveAspectRatio: "none", role: "presentation" });
  const img = h("img", { src: image.source, alt: description, draggable: "false", decoding: "async" });
  const frame = h("div", { class: "picture" }, img, svg);
  frame.style.aspectRatio = `${image.width} / ${image.height}`;
  frame.style.width = `min(100%, ${(maxHeight * image.width) / image.height}px)`;
  return { frame, img, svg, image };
}

const rectangle = (box, attributes) =>
  s("rect", { x: box[1], y: box[0], width: box[3] - box[1], height: box[2] - box[0], ...attributes });

/** Return a box with a dark line behind it, which shows it on any picture. */
const outlined = (box, name, width) => s("g", {},
  rectangle(box, { class: "halo", "stroke-width": width + 2 }),
  rectangle(box, { class: name, "stroke-width": width }));

const covered = (item) => (item.masked || []).map((box) => {
  const made = rectangle(box, {});
  made.style.fill = data.fill;
  return made;
});

/** Draw a part of a picture, (ymin, xmin, ymax, xmax) in shares, onto a square. */
function drawPart(canvas, img, [ymin, xmin, ymax, xmax], painted = []) {
  const context = canvas.getContext("2d");
  const [w, hgt] = [img.naturalWidth, img.naturalHeight];
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (!w) return;
  const scaleX = canvas.width / (xmax - xmin), scaleY = canvas.height / (ymax - ymin);
  context.imageSmoothingQuality = "high";
  context.setTransform(scaleX, 0, 0, scaleY, -xmin * scaleX, -ymin * scaleY);
  context.drawImage(img, 0, 0, 1, 1);
  context.fillStyle = data.fill;
  for (const [top, left, bottom, right] of painted)
    context.fillRect(left, top, right - left, bottom - top);
  context.setTransform(1, 0, 0, 1, 0, 0);
}

const panel = (title, wide, ...children) =>
  h("div", { class: wide ? "panel wide" : "panel" }, h("h4", { text: title }), ...children);

/** Return a bar with a name and a number; `span` is its [start, end] in [0, 1]. */
function bar({ glyph, name, note, value, span, zero, taken, ...attributes }) {
  const stripe = h("i", { "aria-hidden": "true" }), line = h("i", { class: "zero", "aria-hidden": "true" });
  if (span) {
    stripe.style.left = `${100 * span[0]}%`;
    stripe.style.right = `${100 * (1 - span[1])}%`;
    line.style.left = `${100 * zero}%`;
    line.style.width = "1px";
  }
  return h(attributes.onclick ? "button" : "div",
    { class: taken ? "bar taken" : "bar", type: attributes.onclick ? "button" : null, ...attributes },
    span ? stripe : null, span && zero > 0 ? line : null,
    h("span", { "aria-hidden": "true", text: glyph }),
    h("span", {}, `${name} `, h("small", { text: note || "" })), h("span", { text: value }));
}

/** Return how values become spans of bars that share an axis with 0. */
function axisOf(values) {
  const finite = values.filter((value) => value !== null);
  const low = Math.min(0, ...finite), range = Math.max(0, ...finite) - low || 1;
  const share = (value) => (value - low) / range;
  return {
    zero: share(0),
    digits: digitsFor(Math.max(...finite.map(Math.abs), 0.1)),
    span: (value) => (value === null ? null : [share(Math.min(0, value)), share(Math.max(0, value))]),
  };
}

// ---------------------------------------------------------------- searches

const searchView = {
  noun: "search",
  hint: "Each search starts from the whole image and zooms in until it triggers.",

  open(item, stage) {
    this.item = item;
    this.choices = [];
    this.nodes = new Map();
    for (const node of [...item.explored, ...item.steps]) this.nodes.set(node.path.join(), node);
    const values = [...this.nodes.values()].flatMap((node) => node.q || []);
    this.axis = axisOf(values);
    this.picture = makePicture(item, 460, `${item.name}, with the region looked at`);
    this.seen = h("canvas", { width: 224, height: 224, role: "img", "aria-label": "the region as the network sees it" });
    this.bars = h("ol", { class: "bars", "aria-label": "Q-values" });
    this.note = h("p", { class: "explore-note" });
    this.picture.img.addEventListener("load", () => this.drawSeen());
    stage.replaceChildren(
      panel("image, and the region looked at", true, this.picture.frame),
      panel("what the network saw", false, this.seen),
      panel(item.explored.length ? "Q-values · click another zoom" : "Q-values", false, this.bars, this.note));
    this.follow();
  },

  /** Walk along the visitor's choices, and from there as the agent would. */
  follow() {
    const path = [];
    this.trail = [];
    this.ending = "";
    for (;;) {
      const node = this.nodes.get(path.join());
      if (!node) break;
      const yours = this.choices.length > path.length ? this.choices[path.length] : node.action;
      this.trail.push({ ...node, chosen: yours, isYours: yours !== node.action });
      if (yours === data.trigger) return;
      path.push(yours);
    }
    const isOwn = path.join() === [...this.item.steps.at(-1).path, this.item.steps.at(-1).action].join();
    this.ending = isOwn ? "The search ends here: its steps are used up." : "What comes next was not computed.";
  },

  get length() { return this.trail.length; },

  labels() {
    return this.trail.map(({ chosen, isYours }) => {
      const { glyph, name } = data.actions[chosen - 1];
      return { text: glyph, name, isYours };
    });
  },

  outcomeOf(step) {
    if (step.chosen !== data.trigger) return "";
    if (step.iou === undefined) return "detection";
    return step.iou > data.detection_iou ? "right" : "wrong";
  },

  show(at) {
    this.at = at;
    const step = this.trail[at], following = this.trail[at + 1];
    this.draw(following ? following.box : null);
    this.drawSeen();
    this.showBars(step);
  },

  draw(next) {
    const { image, svg } = this.picture, step = this.trail[this.at];
    const outcome = this.outcomeOf(step);
    const [ymin, xmin, ymax, xmax] = step.box;
    svg.replaceChildren(
      ...covered(this.item),
      s("path", { class: "dim", "fill-rule": "evenodd", d: `M0 0H${image.width}V${image.height}H0ZM${xmin} ${ymin}H${xmax}V${ymax}H${xmin}Z` }),
      ...this.trail.slice(0, this.at).map((one) => rectangle(one.box, { class: "region", "stroke-width": 1, "stroke-opacity": 0.7 })),
      ...(this.item.boxes || []).map((box) => outlined(box, "truth", 2)),
      ...(next ? [outlined(next, "next", 2)] : []),
      outlined(step.box, outcome ? `is-${outcome}` : "region", 4));
  },

  drawSeen() {
    const { image, img } = this.picture, step = this.trail[this.at];
    const share = ([a, b, c, d]) => [a / image.height, b / image.width, c / image.height, d / image.width];
    drawPart(this.seen, img, share(step.box), (this.item.masked || []).map(share));
  },

  showBars(step) {
    const canExplore = this.item.explored.length > 0;
    const focused = [...this.bars.children].findIndex((li) => li.contains(document.activeElement));
    this.bars.replaceChildren(...data.actions.map(({ glyph, name }, index) => {
      const action = index + 1, value = step.q ? step.q[index] : null;
      const child = this.nodes.get([...step.path, action].join());
      const isAgents = action === step.action, isTaken = action === step.chosen;
      const note = !isTaken ? (isAgents ? "the agent's choice" : "")
        : step.isYours ? "your choice" : "taken";
      const look = { glyph, name, note, value: number(value, this.axis.digits), title: value === null ? null : String(value), ...(step.q ? { span: this.axis.span(value), zero: this.axis.zero } : {}), taken: isTaken };
      if (!canExplore) return h("li", {}, bar(look));
      const preview = () => this.draw(child ? child.box : null);
      const back = () => this.draw(this.trail[this.at + 1]?.box ?? null);
      return h("li", {}, bar({
        ...look, onclick: () => this.choose(action), "data-action": action,
        "aria-pressed": String(isTaken), disabled: !child && action !== data.trigger && !isTaken,
        onpointerenter: preview, onpointerleave: back, onfocus: preview, onblur: back,
      }));
    }));
    if (focused >= 0) this.bars.children[focused]?.querySelector("button")?.focus();
    this.note.replaceChildren();
    if (!canExplore) return;
    const isOff = this.trail.some((one) => one.isYours);
    this.note.append(isOff
      ? "This is your way; the agent took another. Its Q-values here are what it would have thought."
      : "Click a zoom that the agent did not take to see what it would have thought there.");
    if (isOff) this.note.append(h("br"), h("button", { type: "button", id: "reset", text: "Back to the agent's way", onclick: () => this.reset() }));
  },

  choose(action) {
    const here = this.trail[this.at];
    this.choices = [...here.path, action];
    this.follow();
    player.refresh(Math.min(this.at + 1, this.length - 1));
  },

  reset() {
    this.choices = [];
    this.follow();
    player.refresh(0);
    $("player").focus({ preventScroll: true });
  },

  caption(at) {
    const step = this.trail[at], { image } = this.picture, [a, b, c, d] = step.box;
    const share = ((c - a) * (d - b)) / (image.width * image.height);
    const { glyph, name } = data.actions[step.chosen - 1];
    const who = step.isYours ? "You choose" : this.trail.slice(0, at).some((one) => one.isYours) ? "It would choose" : "It chooses";
    const parts = [`Looks at ${percent(share)} of the image`];
    if (step.iou !== undefined) parts.push(`IoU with the object ${number(step.iou, 2)}`);
    if (step.reward !== undefined) parts.push(`reward ${short(step.reward)}`);
    let text = `${parts.join(", ")}. ${who} ${glyph} ${name}.`;
    const outcome = this.outcomeOf(step);
    if (outcome === "right" || outcome === "wrong")
      text += ` That is ${outcome}: the IoU is ${outcome === "right" ? "" : "not "}over ${data.detection_iou}.`;
    return at === this.length - 1 && this.ending ? `${text} ${this.ending}` : text;
  },

  card(item, svg) {
    const last = item.steps.at(-1);
    const outcome = last.action === data.trigger ? `is-${item.outcome}` : "region";
    svg.append(...covered(item), ...(item.boxes || []).map((box) => outlined(box, "truth", 1.5)), outlined(last.box, outcome, 2.5));
  },

  numbers(item) {
    const [iou, regions] = item.values;
    return `${iou === null ? "" : `IoU ${number(iou, 2)} · `}${regions} region${regions === 1 ? "" : "s"}`;
  },
};

// ---------------------------------------------------------------- glimpses

const rolloutView = {
  noun: "image",
  hint: "Numbers are glimpses in order. ✕ is the prediction, ✚ the truth.",

  open(item, stage) {
    this.item = item;
    this.now = item.own;
    this.picture = makePicture(item, 460, `${item.name}, with the glimpses`);
    this.seen = data.windows.map(() => h("canvas", { width: 132, height: 132, role: "img", "aria-label": "a crop that the network sees" }));
    this.bars = h("ol", { class: "bars", "aria-label": "prediction after each glimpse" });
    this.note = h("p", { class: "explore-note" });
    this.picture.img.addEventListener("load", () => this.drawSeen());
    stage.replaceChildren(
      panel("image, and the glimpses so far", true, this.picture.frame),
      panel("it sees", false, h("div", { class: "levels" },
        ...this.seen.map((canvas, level) => h("div", {}, canvas, h("span", { text: `×${2 ** level}` }))))),
      panel(item.own.distances ? "Δ of the prediction after each glimpse" : "prediction after each glimpse", false, this.bars, this.note));
    this.axis = axisOf([item.own, ...item.explored].flatMap((one) => one.distances || []));
    this.layers = { grid: s("g"), moving: s("g"), handle: this.makeHandle() };
    const first = item.explored.map((one) => one.locations[0]);
    this.layers.grid.append(...first.map(([row, column], n) =>
      this.spot(row, column, this.radiusOf(item.explored[n]), "hint-spot")));
    this.picture.svg.append(this.layers.grid, this.layers.moving, this.layers.handle);
  },

  get length() { return this.now.locations.length; },

  labels() { return this.now.locations.map(() => ({ text: "", name: "glimpse", isYours: this.now !== this.item.own })); },

  show(at) {
    this.at = at;
    this.drawMoving();
    this.drawSeen();
    this.showBars();
  },

  // The svg is stretched like the picture; what has to stay round is drawn in pixels.
  at_(row, column) { return [column * this.picture.image.width, row * this.picture.image.height]; },
  pixel() { return this.picture.image.width / (this.picture.svg.clientWidth || this.picture.image.width); },

  spot(row, column, radius, name) {
    const [x, y] = this.at_(row, column);
    return s("circle", { cx: x, cy: y, r: radius * this.pixel(), class: name, "stroke-width": 1 });
  },

  /** Return the radius of a dot, larger for trajectories that ended farther off. */
  radiusOf(trajectory) {
    const last = (one) => (one.distances ? one.distances.at(-1) : 0);
    const farthest = Math.max(...this.item.explored.map(last)) || 1;
    return 1.5 + (3 * last(trajectory)) / farthest;
  },

  cross(place, name, isUpright, size) {
    const [x, y] = this.at_(...place), r = size * this.pixel();
    const d = isUpright ? `M${x - r} ${y}h${2 * r}M${x} ${y - r}v${2 * r}` : `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x - r} ${y + r}l${2 * r} ${-2 * r}`;
    return s("g", {}, s("path", { d, class: "halo", "stroke-width": 6 }), s("path", { d, class: name, "stroke-width": 3 }));
  },

  windowAt([row, column], [height, width]) {
    return [row - height / 2, column - width / 2, row + height / 2, column + width / 2];
  },

  drawMoving() {
    const { image } = this.picture, places = this.now.locations.slice(0, this.at + 1);
    const points = places.map((place) => this.at_(...place).join()).join(" ");
    const inPixels = ([a, b, c, d]) => [Math.max(a, 0) * image.height, Math.max(b, 0) * image.width, Math.min(c, 1) * image.height, Math.min(d, 1) * image.width];
    const windows = data.windows.map((sides, level) => {
      const made = outlined(inPixels(this.windowAt(places.at(-1), sides)), "glimpse", level ? 1 : 2);
      if (level) made.lastChild.setAttribute("stroke-dasharray", "2 4");
      return made;
    });
    this.layers.moving.replaceChildren(
      ...windows.reverse(),
      s("polyline", { points, class: "halo", "stroke-width": 4.5 }), s("polyline", { points, class: "glimpse", "stroke-width": 2.5 }),
      ...places.flatMap((place, index) => this.numbered(place, index, places)),
      ...(this.item.truth ? [this.cross(this.item.truth, "goal", true, 10)] : []),
      this.cross(this.now.predictions[this.at], "prediction", false, 8));
    const handle = this.layers.handle;
    if (handle) handle.setAttribute("transform", `translate(${this.at_(...this.now.locations[0]).join(" ")})`);
  },

  /** Return a numbered spot; one that would hide a later number is a dot. */
  numbered(place, index, places) {
    const [x, y] = this.at_(...place), near = 15 * this.pixel();
    const hides = places.slice(index + 1).some((other) => {
      const [a, b] = this.at_(...other);
      return Math.abs(a - x) + Math.abs(b - y) < near;
    });
    const spot = this.spot(...place, hides ? 3 : 9.5, "spot");
    if (hides) return [spot];
    const text = s("text", { x, y, text: String(index + 1) });
    text.style.fontSize = `${12 * this.pixel()}px`;
    return [spot, text];
  },

  drawSeen() {
    const place = this.now.locations[this.at];
    data.windows.forEach((sides, level) => drawPart(this.seen[level], this.picture.img, this.windowAt(place, sides)));
  },

  showBars() {
    const { distances, predictions } = this.now;
    this.bars.replaceChildren(...predictions.map(([row, column], index) => {
      const value = distances ? distances[index] : null;
      const name = distances ? "" : `row ${percent(row)}, column ${percent(column)}`;
      const look = { glyph: String(index + 1), name, note: index === this.at ? "now" : "", value: distances ? number(value, 3) : "", taken: index === this.at };
      return h("li", {}, bar(distances ? { ...look, span: this.axis.span(value), zero: 0 } : look));
    }));
    this.note.replaceChildren();
    if (!this.item.explored.length) return;
    const isOff = this.now !== this.item.own;
    this.note.append(isOff ? "From another first glimpse." : "Drag the ring around glimpse 1, or use arrow keys on it, to begin elsewhere. Larger dots ended farther off.");
    if (isOff) this.note.append(h("br"), h("button", { type: "button", id: "reset", text: "Back to the test's first glimpse", onclick: () => this.take(this.item.own) }));
  },

  makeHandle() {
    if (!this.item.explored.length) return s("g");
    const r = this.pixel();
    const handle = s("g", { class: "handle", tabindex: 0, role: "button", "aria-label": "first glimpse: drag it, or move it with the arrow keys" },
      s("circle", { r: 17 * r, "stroke-width": 2.5 }), s("circle", { r: 17 * r, class: "halo", "stroke-width": 0.5 }));
    const toPlace = (event) => {
      const frame = this.picture.svg.getBoundingClientRect();
      return [(event.clientY - frame.top) / frame.height, (event.clientX - frame.left) / frame.width];
    };
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.setPointerCapture(event.pointerId);
      handle.focus({ preventScroll: true });
    });
    handle.addEventListener("pointermove", (event) => {
      if (handle.hasPointerCapture(event.pointerId)) this.takeNearest(toPlace(event));
    });
    handle.addEventListener("keydown", (event) => {
      const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0];
      if (!down && !right) return;
      event.preventDefault();
      event.stopPropagation();
      const [row, column] = this.now.locations[0];
      this.takeNearest([row + down * 0.13, column + right * 0.13]);
    });
    return handle;
  },

  takeNearest([row, column]) {
    const { width, height } = this.picture.image;
    const distance = (one) => {
      const [r, c] = one.locations[0];
      return ((r - row) * height) ** 2 + ((c - column) * width) ** 2;
    };
    const best = this.item.explored.reduce((one, other) => (distance(other) < distance(one) ? other : one));
    if (best !== this.now) this.take(best);
  },

  take(trajectory) {
    this.now = trajectory;
    player.refresh(this.length - 1);
  },

  caption(at) {
    const [row, column] = this.now.locations[at];
    const start = `Glimpse ${at + 1} of ${this.length} is taken at row ${percent(row)}, column ${percent(column)}.`;
    const { distances } = this.now;
    if (!distances) return start;
    return `${start} The prediction after it is Δ ${number(distances[at], 3)} from the truth.`;
  },

  card(item, svg, image) {
    this.picture = { image, svg };
    const scale = image.width / 150;
    const points = item.own.locations.map((place) => this.at_(...place).join()).join(" ");
    svg.append(s("polyline", { points, class: "halo", "stroke-width": 4 }), s("polyline", { points, class: "glimpse", "stroke-width": 2 }));
    for (const [place, name, upright] of [[item.truth, "goal", true], [item.own.predictions.at(-1), "prediction", false]])
      if (place) svg.append(this.cross(place, name, upright, 5 * scale / this.pixel()));
  },

  numbers(item) {
    const [distance] = item.values;
    return distance === null ? "" : `Δ ${number(distance, 3)}`;
  },
};

const view = { search: searchView, rollout: rolloutView }[data.kind];

// ---------------------------------------------------------------- player

const player = {
  item: null, at: 0, timer: null,

  open(item) {
    this.stop();
    this.item = item;
    $("stage").className = data.kind;
    $("player-title").textContent = item.name;
    $("player-facts").replaceChildren(badge(item.outcome), h("span", { text: view.numbers(item) }),
      ...(item.strip ? [h("a", { href: item.strip, text: "strip" })] : []));
    view.open(item, $("stage"));
    this.refresh(0);
    for (const card of document.querySelectorAll(".card")) {
      if (card.item === item) card.setAttribute("aria-current", "true");
      else card.removeAttribute("aria-current");
    }
  },

  refresh(at) {
    $("steps").replaceChildren(...view.labels().map(({ text, name, isYours }, index) =>
      h("li", {}, h("button", { type: "button", class: isYours ? "yours" : "", "aria-label": `step ${index + 1}: ${name}`, text: `${index + 1} ${text}`.trim(), onclick: () => { this.stop(); this.go(index); } }))));
    this.go(at);
  },

  go(at) {
    this.at = Math.min(Math.max(at, 0), view.length - 1);
    [...$("steps").children].forEach((li, index) => {
      if (index === this.at) li.firstChild.setAttribute("aria-current", "step");
      else li.firstChild.removeAttribute("aria-current");
    });
    view.show(this.at);
    $("caption").textContent = view.caption(this.at);
    $("back").disabled = this.at === 0;
    $("forward").disabled = this.at === view.length - 1;
  },

  toggle() {
    if (this.timer) return this.stop();
    if (this.at === view.length - 1) this.go(0);
    $("play").textContent = "Pause";
    this.timer = setInterval(() => {
      if (this.at < view.length - 1) this.go(this.at + 1);
      if (this.at === view.length - 1) this.stop();
    }, 1000 * SECONDS_PER_STEP);
  },

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    $("play").textContent = "Play";
  },
};

// ---------------------------------------------------------------- gallery

const chosen = { outcome: "", sort: "", name: "" };

/** Return the ways to sort: each column both ways, by outcome, and as they came. */
function sortings() {
  const found = [];
  const ends = data.worst_is_least ? [1, -1] : [-1, 1];
  data.values.forEach(({ name }, column) => {
    for (const way of ends) {
      const words = way > 0 ? "least first" : "largest first";
      const compare = (one, other) => {
        const [a, b] = [one.values[column], other.values[column]];
        if (a === null || b === null) return (a === null) - (b === null);
        return way * (a - b);
      };
      if (data.items.some((item) => item.values[column] !== null))
        found.push({ key: `${column} ${way}`, words: `${name}, ${words}`, compare });
    }
  });
  const places = new Map(data.outcomes.map(({ key }, index) => [key, index]));
  const isPlain = (item) => Number(!item.explored || !item.explored.length);
  if (data.items.some((item) => !isPlain(item)))
    found.push({ key: "explored", words: "what can be explored first", compare: (one, other) => isPlain(one) - isPlain(other) });
  found.push({ key: "outcome", words: "outcome", compare: (one, other) => places.get(one.outcome) - places.get(other.outcome) });
  found.push({ key: "name", words: "name", compare: (one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)) });
  return found;
}

function chosenItems() {
  const part = chosen.name.toLowerCase();
  const items = data.items.filter((item) =>
    (!chosen.outcome || item.outcome === chosen.outcome) && item.name.toLowerCase().includes(part));
  return items.sort(sortings().find(({ key }) => key === chosen.sort).compare);
}

function makeCard(item) {
  const { frame, svg, image } = makePicture(item, 120, "");
  svg.setAttribute("aria-hidden", "true");
  view.card(item, svg, image);
  const card = h("button", { type: "button", class: "card", onclick: () => {
    player.open(item);
    $("player").scrollIntoView({ block: "nearest" });
    $("player").focus({ preventScroll: true });
  } },
  h("span", { class: "frame" }, frame), h("span", { class: "name" }, ...breakable(item.name)),
  badge(item.outcome), h("span", { class: "numbers", text: view.numbers(item) }),
  item.explored.length ? h("span", { class: "numbers", text: "⌕ can be explored" }) : null);
  card.item = item;
  if (item === player.item) card.setAttribute("aria-current", "true");
  return h("li", {}, card);
}

const cards = new Map();

function showItems() {
  const items = chosenItems(), pictured = items.filter((item) => item.image !== undefined);
  const current = player.item;
  $("cards").replaceChildren(...pictured.map((item) => {
    if (!cards.has(item)) cards.set(item, makeCard(item));
    return cards.get(item);
  }));
  const left = items.length - pictured.length;
  $("count").textContent = `${items.length} of ${data.items.length} shown`
    + (left ? `, ${left} of them in the table at the end alone` : "");
  $("list").tBodies[0].replaceChildren(...items.map((item) => h("tr", {},
    h("th", { scope: "row", text: item.name }), h("td", { class: "outcome" }, badge(item.outcome)),
    ...item.values.map((value, index) => h("td", { text: number(value, data.values[index].digits) })),
    h("td", {}, item.strip ? h("a", { href: item.strip, text: "strip" }) : ""))));
  if (pictured.includes(current) || !pictured.length) return;
  player.open(pictured.find((item) => !current && item.explored.length) || pictured[0]);
}

function step(way) {
  const pictured = chosenItems().filter((item) => item.image !== undefined);
  const index = pictured.indexOf(player.item);
  if (pictured.length) player.open(pictured[(index + way + pictured.length) % pictured.length]);
}

function showGallery() {
  if (!data.items.length) return;
  $("gallery").hidden = false;
  const isSearch = data.kind === "search", pictured = data.items.filter((item) => item.image !== undefined);
  $("gallery-title").textContent = isSearch ? "Searches" : "Glimpses";
  const explored = pictured.filter((item) => item.explored.length).length;
  $("gallery-note").textContent = view.hint
    + (pictured.length < data.items.length ? ` There is room for the pictures of ${pictured.length} out of ${data.items.length}; the table at the end lists all.` : "")
    + (explored ? ` ${explored} can be explored.` : "");
  $("player").hidden = !pictured.length;
  $("all").firstChild.textContent = `All ${data.items.length} as a table`;
  $("list").append(
    h("thead", {}, h("tr", {}, ...["image", "outcome", ...data.values.map(({ name }) => name), ""].map((text) => h("th", { scope: "col", text })))),
    h("tbody"));
  const options = [{ key: "", words: "all" }, ...data.outcomes];
  $("filter").append(...options.map(({ key, words }) => {
    const count = data.items.filter((item) => !key || item.outcome === key).length;
    return h("label", {},
      h("input", { type: "radio", name: "outcome", value: key, checked: key === "", onchange: () => { chosen.outcome = key; showItems(); } }),
      h("span", {}, key ? h("span", { class: `mark ${key}`, text: `${MARKS[key]} ` }) : null, `${words} (${count})`));
  }));
  const ways = sortings();
  chosen.sort = ways[0].key;
  $("sort").append(...ways.map(({ key, words }) => h("option", { value: key, text: words })));
  $("sort").addEventListener("change", (event) => { chosen.sort = event.target.value; showItems(); });
  $("search").addEventListener("input", (event) => { chosen.name = event.target.value; showItems(); });
  $("back").addEventListener("click", () => { player.stop(); player.go(player.at - 1); });
  $("forward").addEventListener("click", () => { player.stop(); player.go(player.at + 1); });
  $("play").addEventListener("click", () => player.toggle());
  $("previous-item").addEventListener("click", () => step(-1));
  $("next-item").addEventListener("click", () => step(1));
  document.addEventListener("keydown", onKey);
  showItems();
}

function onKey(event) {
  if (!player.item || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("select, input, details, .plot, .scroll")) return;
  const isButton = event.target.closest("button") !== null;
  const actions = {
    ArrowLeft: () => player.go(player.at - 1), ArrowRight: () => player.go(player.at + 1),
    Home: () => player.go(0), End: () => player.go(view.length - 1),
    ...(isButton ? {} : { " ": () => player.toggle() }),
  };
  // Home, End and space scroll a page unless the player has the focus.
  if (!event.key.startsWith("Arrow") && !event.target.closest("#player")) return;
  if (!actions[event.key]) return;
  event.preventDefault();
  if (event.key !== " ") player.stop();
  actions[event.key]();
}

showScores();
showCurves();
showGallery();
