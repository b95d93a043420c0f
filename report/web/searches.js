// A detector's search: the region, what the network saw of it, and its Q-values.

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
    this.seen = h("canvas", {
      width: 224,
      height: 224,
      role: "img",
      "aria-label": "the region as the network sees it",
    });
    this.bars = h("ol", { class: "bars", "aria-label": "Q-values" });
    this.note = h("p", { class: "explore-note" });
    this.picture.img.addEventListener("load", () => this.drawSeen());
    stage.replaceChildren(
      panel("image, and the region looked at", true, this.picture.frame),
      panel("what the network saw", false, this.seen),
      panel(
        item.explored.length ? "Q-values · click another zoom" : "Q-values",
        false,
        this.bars,
        this.note,
      ),
    );
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
    const isOwn =
      path.join() === [...this.item.steps.at(-1).path, this.item.steps.at(-1).action].join();
    this.ending = isOwn
      ? "The search ends here: its steps are used up."
      : "What comes next was not computed.";
  },

  get length() {
    return this.trail.length;
  },

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
    const step = this.trail[at],
      following = this.trail[at + 1];
    this.draw(following ? following.box : null);
    this.drawSeen();
    this.showBars(step);
  },

  draw(next) {
    const { image, svg } = this.picture,
      step = this.trail[this.at];
    const outcome = this.outcomeOf(step);
    const [ymin, xmin, ymax, xmax] = step.box;
    svg.replaceChildren(
      ...covered(this.item),
      s("path", {
        class: "dim",
        "fill-rule": "evenodd",
        d: `M0 0H${image.width}V${image.height}H0ZM${xmin} ${ymin}H${xmax}V${ymax}H${xmin}Z`,
      }),
      ...this.trail
        .slice(0, this.at)
        .map((one) =>
          rectangle(one.box, { class: "region", "stroke-width": 1, "stroke-opacity": 0.7 }),
        ),
      ...(this.item.boxes || []).map((box) => outlined(box, "truth", 2)),
      ...(next ? [outlined(next, "next", 2)] : []),
      outlined(step.box, outcome ? `is-${outcome}` : "region", 4),
    );
  },

  drawSeen() {
    const { image, img } = this.picture,
      step = this.trail[this.at];
    const share = ([a, b, c, d]) => [
      a / image.height,
      b / image.width,
      c / image.height,
      d / image.width,
    ];
    drawPart(this.seen, img, share(step.box), (this.item.masked || []).map(share));
  },

  showBars(step) {
    const canExplore = this.item.explored.length > 0;
    const focused = [...this.bars.children].findIndex((li) => li.contains(document.activeElement));
    this.bars.replaceChildren(
      ...data.actions.map(({ glyph, name }, index) => {
        const action = index + 1,
          value = step.q ? step.q[index] : null;
        const child = this.nodes.get([...step.path, action].join());
        const isAgents = action === step.action,
          isTaken = action === step.chosen;
        const note = !isTaken
          ? isAgents
            ? "the agent's choice"
            : ""
          : step.isYours
            ? "your choice"
            : "taken";
        const look = {
          glyph,
          name,
          note,
          value: number(value, this.axis.digits),
          title: value === null ? null : String(value),
          ...(step.q ? { span: this.axis.span(value), zero: this.axis.zero } : {}),
          taken: isTaken,
        };
        if (!canExplore) return h("li", {}, bar(look));
        const preview = () => this.draw(child ? child.box : null);
        const back = () => this.draw(this.trail[this.at + 1]?.box ?? null);
        return h(
          "li",
          {},
          bar({
            ...look,
            onclick: () => this.choose(action),
            "data-action": action,
            "aria-pressed": String(isTaken),
            disabled: !child && action !== data.trigger && !isTaken,
            onpointerenter: preview,
            onpointerleave: back,
            onfocus: preview,
            onblur: back,
          }),
        );
      }),
    );
    if (focused >= 0) this.bars.children[focused]?.querySelector("button")?.focus();
    this.note.replaceChildren();
    if (!canExplore) return;
    const isOff = this.trail.some((one) => one.isYours);
    this.note.append(
      isOff
        ? "This is your way; the agent took another. Its Q-values here are what it would have thought."
        : "Click a zoom that the agent did not take to see what it would have thought there.",
    );
    if (isOff)
      this.note.append(
        h("br"),
        h("button", {
          type: "button",
          id: "reset",
          text: "Back to the agent's way",
          onclick: () => this.reset(),
        }),
      );
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
    const step = this.trail[at],
      { image } = this.picture,
      [a, b, c, d] = step.box;
    const share = ((c - a) * (d - b)) / (image.width * image.height);
    const { glyph, name } = data.actions[step.chosen - 1];
    const who = step.isYours
      ? "You choose"
      : this.trail.slice(0, at).some((one) => one.isYours)
        ? "It would choose"
        : "It chooses";
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
    svg.append(
      ...covered(item),
      ...(item.boxes || []).map((box) => outlined(box, "truth", 1.5)),
      outlined(last.box, outcome, 2.5),
    );
  },

  numbers(item) {
    const [iou, regions] = item.values;
    return `${iou === null ? "" : `IoU ${number(iou, 2)} · `}${regions} region${regions === 1 ? "" : "s"}`;
  },
};
