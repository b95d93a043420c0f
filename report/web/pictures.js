// Pictures with drawings over them, parts of them, and bars.

/** Return a picture that fits into width x height, with a drawing over it. */
function makePicture(item, maxHeight, description) {
  const image = data.images[item.image];
  const svg = s("svg", {
    viewBox: `0 0 ${image.width} ${image.height}`,
    preserveAspectRatio: "none",
    role: "presentation",
  });
  const img = h("img", {
    src: image.source,
    alt: description,
    draggable: "false",
    decoding: "async",
  });
  const frame = h("div", { class: "picture" }, img, svg);
  frame.style.aspectRatio = `${image.width} / ${image.height}`;
  frame.style.width = `min(100%, ${(maxHeight * image.width) / image.height}px)`;
  return { frame, img, svg, image };
}

const rectangle = (box, attributes) =>
  s("rect", {
    x: box[1],
    y: box[0],
    width: box[3] - box[1],
    height: box[2] - box[0],
    ...attributes,
  });

/** Return a box with a dark line behind it, which shows it on any picture. */
const outlined = (box, name, width) =>
  s(
    "g",
    {},
    rectangle(box, { class: "halo", "stroke-width": width + 2 }),
    rectangle(box, { class: name, "stroke-width": width }),
  );

const covered = (item) =>
  (item.masked || []).map((box) => {
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
  const scaleX = canvas.width / (xmax - xmin),
    scaleY = canvas.height / (ymax - ymin);
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
  const stripe = h("i", { "aria-hidden": "true" }),
    line = h("i", { class: "zero", "aria-hidden": "true" });
  if (span) {
    stripe.style.left = `${100 * span[0]}%`;
    stripe.style.right = `${100 * (1 - span[1])}%`;
    line.style.left = `${100 * zero}%`;
    line.style.width = "1px";
  }
  return h(
    attributes.onclick ? "button" : "div",
    {
      class: taken ? "bar taken" : "bar",
      type: attributes.onclick ? "button" : null,
      ...attributes,
    },
    span ? stripe : null,
    span && zero > 0 ? line : null,
    h("span", { "aria-hidden": "true", text: glyph }),
    h("span", {}, `${name} `, h("small", { text: note || "" })),
    h("span", { text: value }),
  );
}

/** Return how values become spans of bars that share an axis with 0. */
function axisOf(values) {
  const finite = values.filter((value) => value !== null);
  const low = Math.min(0, ...finite),
    range = Math.max(0, ...finite) - low || 1;
  const share = (value) => (value - low) / range;
  return {
    zero: share(0),
    digits: digitsFor(Math.max(...finite.map(Math.abs), 0.1)),
    span: (value) =>
      value === null ? null : [share(Math.min(0, value)), share(Math.max(0, value))],
  };
}
