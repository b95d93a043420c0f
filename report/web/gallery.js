// The gallery: what is shown, in which order. It is last, and draws the page.

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
    found.push({
      key: "explored",
      words: "what can be explored first",
      compare: (one, other) => isPlain(one) - isPlain(other),
    });
  found.push({
    key: "outcome",
    words: "outcome",
    compare: (one, other) => places.get(one.outcome) - places.get(other.outcome),
  });
  found.push({
    key: "name",
    words: "name",
    compare: (one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)),
  });
  return found;
}

function chosenItems() {
  const part = chosen.name.toLowerCase();
  const items = data.items.filter(
    (item) =>
      (!chosen.outcome || item.outcome === chosen.outcome) &&
      item.name.toLowerCase().includes(part),
  );
  return items.sort(sortings().find(({ key }) => key === chosen.sort).compare);
}

function makeCard(item) {
  const { frame, svg, image } = makePicture(item, 120, "");
  svg.setAttribute("aria-hidden", "true");
  view.card(item, svg, image);
  const card = h(
    "button",
    {
      type: "button",
      class: "card",
      onclick: () => {
        player.open(item);
        $("player").scrollIntoView({ block: "nearest" });
        $("player").focus({ preventScroll: true });
      },
    },
    h("span", { class: "frame" }, frame),
    h("span", { class: "name" }, ...breakable(item.name)),
    badge(item.outcome),
    h("span", { class: "numbers", text: view.numbers(item) }),
    item.explored.length ? h("span", { class: "numbers", text: "⌕ can be explored" }) : null,
  );
  card.item = item;
  if (item === player.item) card.setAttribute("aria-current", "true");
  return h("li", {}, card);
}

const cards = new Map();

function showItems() {
  const items = chosenItems(),
    pictured = items.filter((item) => item.image !== undefined);
  const current = player.item;
  $("cards").replaceChildren(
    ...pictured.map((item) => {
      if (!cards.has(item)) cards.set(item, makeCard(item));
      return cards.get(item);
    }),
  );
  const left = items.length - pictured.length;
  $("count").textContent =
    `${items.length} of ${data.items.length} shown` +
    (left ? `, ${left} of them in the table at the end alone` : "");
  $("list").tBodies[0].replaceChildren(
    ...items.map((item) =>
      h(
        "tr",
        {},
        h("th", { scope: "row", text: item.name }),
        h("td", { class: "outcome" }, badge(item.outcome)),
        ...item.values.map((value, index) =>
          h("td", { text: number(value, data.values[index].digits) }),
        ),
        h("td", {}, item.strip ? h("a", { href: item.strip, text: "strip" }) : ""),
      ),
    ),
  );
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
  const isSearch = data.kind === "search",
    pictured = data.items.filter((item) => item.image !== undefined);
  $("gallery-title").textContent = isSearch ? "Searches" : "Glimpses";
  const explored = pictured.filter((item) => item.explored.length).length;
  $("gallery-note").textContent =
    view.hint +
    (pictured.length < data.items.length
      ? ` There is room for the pictures of ${pictured.length} out of ${data.items.length}; the table at the end lists all.`
      : "") +
    (explored ? ` ${explored} can be explored.` : "");
  $("player").hidden = !pictured.length;
  $("all").firstChild.textContent = `All ${data.items.length} as a table`;
  $("list").append(
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["image", "outcome", ...data.values.map(({ name }) => name), ""].map((text) =>
          h("th", { scope: "col", text }),
        ),
      ),
    ),
    h("tbody"),
  );
  const options = [{ key: "", words: "all" }, ...data.outcomes];
  $("filter").append(
    ...options.map(({ key, words }) => {
      const count = data.items.filter((item) => !key || item.outcome === key).length;
      return h(
        "label",
        {},
        h("input", {
          type: "radio",
          name: "outcome",
          value: key,
          checked: key === "",
          onchange: () => {
            chosen.outcome = key;
            showItems();
          },
        }),
        h(
          "span",
          {},
          key ? h("span", { class: `mark ${key}`, text: `${MARKS[key]} ` }) : null,
          `${words} (${count})`,
        ),
      );
    }),
  );
  const ways = sortings();
  chosen.sort = ways[0].key;
  $("sort").append(...ways.map(({ key, words }) => h("option", { value: key, text: words })));
  $("sort").addEventListener("change", (event) => {
    chosen.sort = event.target.value;
    showItems();
  });
  $("search").addEventListener("input", (event) => {
    chosen.name = event.target.value;
    showItems();
  });
  $("back").addEventListener("click", () => {
    player.stop();
    player.go(player.at - 1);
  });
  $("forward").addEventListener("click", () => {
    player.stop();
    player.go(player.at + 1);
  });
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
    ArrowLeft: () => player.go(player.at - 1),
    ArrowRight: () => player.go(player.at + 1),
    Home: () => player.go(0),
    End: () => player.go(view.length - 1),
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
