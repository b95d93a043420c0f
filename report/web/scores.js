// The table of scores, and curves that say their values under the pointer.

function showScores() {
  data.about.forEach(([name, value], index) =>
    $(index < FIRST_FACTS ? "about" : "made").append(
      h("div", {}, h("dt", { text: name }), h("dd", { text: value })),
    ),
  );
  $("made-with").hidden = data.about.length <= FIRST_FACTS;
  if (!data.rows.length) return;
  $("scores").hidden = false;
  $("table").append(
    h("thead", {}, h("tr", {}, ...data.columns.map((text) => h("th", { scope: "col", text })))),
    h(
      "tbody",
      {},
      ...data.rows.map(([name, ...cells]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row", text: name }),
          ...cells.map((text) => h("td", { text })),
        ),
      ),
    ),
  );
}

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
  const svg = s("svg", {
    tabindex: 0,
    role: "img",
    "aria-label": `${plot.title}: ${plot.y} over ${plot.x}. Arrow keys read values.`,
  });
  const at = h("li", { text: " " });
  const outputs = plot.lines.map(() => h("output", {}));
  const legend = h(
    "ul",
    { class: "legend", "aria-live": "polite" },
    ...plot.lines.map((line, index) =>
      h(
        "li",
        {},
        s(
          "svg",
          { viewBox: "0 0 26 10", "aria-hidden": "true" },
          s("line", {
            x1: 0,
            x2: 26,
            y1: 5,
            y2: 5,
            "stroke-width": 2.5,
            class: `series${index % 6}`,
          }),
        ),
        `${line.name} `,
        outputs[index],
      ),
    ),
    at,
  );
  const figure = h("figure", { class: "plot" }, h("figcaption", { text: plot.title }), svg, legend);
  const xs = plot.lines.flatMap((line) => line.x),
    ys = plot.lines.flatMap((line) => line.y);
  // Shares begin at 0, what is counted at 1.
  const first = Math.min(...xs),
    low = first >= 1 ? first : Math.min(first, 0);
  const high = Math.max(...xs, low + 1e-9);
  const largest = Math.max(...ys, 1e-9),
    top = largest <= 1 ? 1 : largest;
  const left = 58,
    right = 14,
    above = 10,
    below = 42;
  let width = 0,
    height = 260,
    pointer = null;
  const xOf = (x) => left + ((x - low) / (high - low)) * (width - left - right);
  const yOf = (y) => height - below - (y / top) * (height - above - below);
  const dot = (x, y, index, r) =>
    s("circle", { class: `dot series${index % 6}`, cx: xOf(x), cy: yOf(y), r });
  const layer = s("g");

  function draw() {
    width = svg.clientWidth || 400;
    height = svg.clientHeight || 260;
    svg.replaceChildren();
    for (const [y, text] of ticks(0, top, 5))
      svg.append(
        s("line", { class: "grid", x1: left, x2: width - right, y1: yOf(y), y2: yOf(y) }),
        s("text", { x: left - 8, y: yOf(y) + 4, "text-anchor": "end", text }),
      );
    for (const [x, text] of ticks(low, high, Math.min(Math.max(3, width / 90), 10)))
      svg.append(s("text", { x: xOf(x), y: height - below + 18, "text-anchor": "middle", text }));
    svg.append(
      s("text", {
        x: (left + width - right) / 2,
        y: height - 4,
        "text-anchor": "middle",
        text: plot.x,
      }),
      s("text", {
        x: 14,
        y: (height - below + above) / 2,
        "text-anchor": "middle",
        transform: `rotate(-90 14 ${(height - below + above) / 2})`,
        text: plot.y,
      }),
    );
    plot.lines
      .map((line, index) => {
        const points = line.x.map((x, n) => `${xOf(x).toFixed(1)},${yOf(line.y[n]).toFixed(1)}`);
        return s("polyline", { class: `line series${index % 6}`, points: points.join(" ") });
      })
      .reverse()
      .forEach((line) => svg.append(line));
    plot.lines.forEach((line, index) => {
      if (line.x.length <= MARKED) svg.append(...line.x.map((x, n) => dot(x, line.y[n], index, 3)));
    });
    svg.append(layer);
    point(pointer);
  }

  function point(x) {
    pointer = x;
    layer.replaceChildren();
    outputs.forEach((output) => {
      output.textContent = "";
    });
    at.textContent = x === null ? " " : `at ${plot.x} ${short(Number(x.toPrecision(3)))}`;
    if (x === null) return;
    layer.append(
      s("line", { class: "pointer", x1: xOf(x), x2: xOf(x), y1: above, y2: height - below }),
    );
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
