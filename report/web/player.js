// The player, whose view is that of searches or of glimpses.

const view = { search: searchView, rollout: rolloutView }[data.kind];

const player = {
  item: null,
  at: 0,
  timer: null,

  open(item) {
    this.stop();
    this.item = item;
    $("stage").className = data.kind;
    $("player-title").textContent = item.name;
    $("player-facts").replaceChildren(
      badge(item.outcome),
      h("span", { text: view.numbers(item) }),
      ...(item.strip ? [h("a", { href: item.strip, text: "strip" })] : []),
    );
    view.open(item, $("stage"));
    this.refresh(0);
    for (const card of document.querySelectorAll(".card")) {
      if (card.item === item) card.setAttribute("aria-current", "true");
      else card.removeAttribute("aria-current");
    }
  },

  refresh(at) {
    $("steps").replaceChildren(
      ...view.labels().map(({ text, name, isYours }, index) =>
        h(
          "li",
          {},
          h("button", {
            type: "button",
            class: isYours ? "yours" : "",
            "aria-label": `step ${index + 1}: ${name}`,
            text: `${index + 1} ${text}`.trim(),
            onclick: () => {
              this.stop();
              this.go(index);
            },
          }),
        ),
      ),
    );
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
