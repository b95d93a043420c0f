// Glimpses at an image: where, what they see, and what is predicted after each.

const rolloutView = {
  noun: "image",
  hint: "Numbers are glimpses in order. ✕ is the prediction, ✚ the truth.",

  open(item, stage) {
    this.item = item;
    this.now = item.own;
    this.picture = makePicture(item, 460, `${item.name}, with the glimpses`);
    this.seen = data.windows.map(() =>
      h("canvas", {
        width: 132,
        height: 132,
        role: "img",
        "aria-label": "a crop that the network sees",
      }),
    );
    this.bars = h("ol", { class: "bars", "aria-label": "prediction after each glimpse" });
    this.note = h("p", { class: "explore-note" });
    this.picture.img.addEventListener("load", () => this.drawSeen());
    stage.replaceChildren(
      panel("image, and the glimpses so far", true, this.picture.frame),
      panel(
        "it sees",
        false,
        h(
          "div",
          { class: "levels" },
          ...this.seen.map((canvas, level) =>
            h("div", {}, canvas, h("span", { text: `×${2 ** level}` })),
          ),
        ),
      ),
      panel(
        item.own.distances
          ? "Δ of the prediction after each glimpse"
          : "prediction after each glimpse",
        false,
        this.bars,
        this.note,
      ),
    );
    this.axis = axisOf([item.own, ...item.explored].flatMap((one) => one.distances || []));
    this.layers = { grid: s("g"), moving: s("g"), handle: this.makeHandle() };
    const first = item.explored.map((one) => one.locations[0]);
    this.layers.grid.append(
      ...first.map(([row, column], n) =>
        this.spot(row, column, this.radiusOf(item.explored[n]), "hint-spot"),
      ),
    );
    this.picture.svg.append(this.layers.grid, this.layers.moving, this.layers.handle);
  },

  get length() {
    return this.now.locations.length;
  },

  labels() {
    return this.now.locations.map(() => ({
      text: "",
      name: "glimpse",
      isYours: this.now !== this.item.own,
    }));
  },

  show(at) {
    this.at = at;
    this.drawMoving();
    this.drawSeen();
    this.showBars();
  },

  // The svg is stretched like the picture; what has to stay round is drawn in pixels.
  at_(row, column) {
    return [column * this.picture.image.width, row * this.picture.image.height];
  },
  pixel() {
    return this.picture.image.width / (this.picture.svg.clientWidth || this.picture.image.width);
  },

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
    const [x, y] = this.at_(...place),
      r = size * this.pixel();
    const d = isUpright
      ? `M${x - r} ${y}h${2 * r}M${x} ${y - r}v${2 * r}`
      : `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x - r} ${y + r}l${2 * r} ${-2 * r}`;
    return s(
      "g",
      {},
      s("path", { d, class: "halo", "stroke-width": 6 }),
      s("path", { d, class: name, "stroke-width": 3 }),
    );
  },

  windowAt([row, column], [height, width]) {
    return [row - height / 2, column - width / 2, row + height / 2, column + width / 2];
  },

  drawMoving() {
    const { image } = this.picture,
      places = this.now.locations.slice(0, this.at + 1);
    const points = places.map((place) => this.at_(...place).join()).join(" ");
    const inPixels = ([a, b, c, d]) => [
      Math.max(a, 0) * image.height,
      Math.max(b, 0) * image.width,
      Math.min(c, 1) * image.height,
      Math.min(d, 1) * image.width,
    ];
    const windows = data.windows.map((sides, level) => {
      const made = outlined(
        inPixels(this.windowAt(places.at(-1), sides)),
        "glimpse",
        level ? 1 : 2,
      );
      if (level) made.lastChild.setAttribute("stroke-dasharray", "2 4");
      return made;
    });
    this.layers.moving.replaceChildren(
      ...windows.reverse(),
      s("polyline", { points, class: "halo", "stroke-width": 4.5 }),
      s("polyline", { points, class: "glimpse", "stroke-width": 2.5 }),
      ...places.flatMap((place, index) => this.numbered(place, index, places)),
      ...(this.item.truth ? [this.cross(this.item.truth, "goal", true, 10)] : []),
      this.cross(this.now.predictions[this.at], "prediction", false, 8),
    );
    const handle = this.layers.handle;
    if (handle)
      handle.setAttribute(
        "transform",
        `translate(${this.at_(...this.now.locations[0]).join(" ")})`,
      );
  },

  /** Return a numbered spot; one that would hide a later number is a dot. */
  numbered(place, index, places) {
    const [x, y] = this.at_(...place),
      near = 15 * this.pixel();
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
    data.windows.forEach((sides, level) =>
      drawPart(this.seen[level], this.picture.img, this.windowAt(place, sides)),
    );
  },

  showBars() {
    const { distances, predictions } = this.now;
    this.bars.replaceChildren(
      ...predictions.map(([row, column], index) => {
        const value = distances ? distances[index] : null;
        const name = distances ? "" : `row ${percent(row)}, column ${percent(column)}`;
        const look = {
          glyph: String(index + 1),
          name,
          note: index === this.at ? "now" : "",
          value: distances ? number(value, 3) : "",
          taken: index === this.at,
        };
        return h(
          "li",
          {},
          bar(distances ? { ...look, span: this.axis.span(value), zero: 0 } : look),
        );
      }),
    );
    this.note.replaceChildren();
    if (!this.item.explored.length) return;
    const isOff = this.now !== this.item.own;
    this.note.append(
      isOff
        ? "From another first glimpse."
        : "Drag the ring around glimpse 1, or use arrow keys on it, to begin elsewhere. Larger dots ended farther off.",
    );
    if (isOff)
      this.note.append(
        h("br"),
        h("button", {
          type: "button",
          id: "reset",
          text: "Back to the test's first glimpse",
          onclick: () => this.take(this.item.own),
        }),
      );
  },

  makeHandle() {
    if (!this.item.explored.length) return s("g");
    const r = this.pixel();
    const handle = s(
      "g",
      {
        class: "handle",
        tabindex: 0,
        role: "button",
        "aria-label": "first glimpse: drag it, or move it with the arrow keys",
      },
      s("circle", { r: 17 * r, "stroke-width": 2.5 }),
      s("circle", { r: 17 * r, class: "halo", "stroke-width": 0.5 }),
    );
    const toPlace = (event) => {
      const frame = this.picture.svg.getBoundingClientRect();
      return [
        (event.clientY - frame.top) / frame.height,
        (event.clientX - frame.left) / frame.width,
      ];
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
      const [down, right] = {
        ArrowUp: [-1, 0],
        ArrowDown: [1, 0],
        ArrowLeft: [0, -1],
        ArrowRight: [0, 1],
      }[event.key] || [0, 0];
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
    const best = this.item.explored.reduce((one, other) =>
      distance(other) < distance(one) ? other : one,
    );
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
    svg.append(
      s("polyline", { points, class: "halo", "stroke-width": 4 }),
      s("polyline", { points, class: "glimpse", "stroke-width": 2 }),
    );
    for (const [place, name, upright] of [
      [item.truth, "goal", true],
      [item.own.predictions.at(-1), "prediction", false],
    ])
      if (place) svg.append(this.cross(place, name, upright, (5 * scale) / this.pixel()));
  },

  numbers(item) {
    const [distance] = item.values;
    return distance === null ? "" : `Δ ${number(distance, 3)}`;
  },
};
