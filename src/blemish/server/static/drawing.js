// Regions drawn on a photo: corners by click, or by the arrow keys and Enter; the file is the one of `blemish train --roi`.

import { h, put, svg } from "./dom.js";
import { say } from "./words.js";

const STEP = 0.02; // of the photo's side, that an arrow key moves the cursor

/** Returns an editor of regions {regions, ignore} on a photo at an address; save(drawn) keeps them. */
export function drawing(address, kept, save) {
  const drawn = { regions: shapes(kept.regions), ignore: shapes(kept.ignore) };
  const state = { corners: [], size: [1, 1], cursor: null };
  const image = h("img", { alt: say("draw.photo"), src: address });
  const layer = svg("svg", { class: "layer", tabindex: 0, role: "application", "aria-label": say("draw.layer"), onclick: click, onkeydown: key });
  const list = h("ul", {});
  const told = h("p", { role: "status", class: "muted" });
  const name = h("input", { type: "text", maxlength: 64, "aria-label": say("draw.name"), placeholder: say("draw.name") });

  image.addEventListener("load", () => {
    state.size = [image.naturalWidth, image.naturalHeight];
    state.cursor = state.size.map((side) => side / 2);
    layer.setAttribute("viewBox", `0 0 ${state.size[0]} ${state.size[1]}`);
    draw();
  });

  function click(event) {
    const box = layer.getBoundingClientRect();
    add([((event.clientX - box.left) / box.width) * state.size[0], ((event.clientY - box.top) / box.height) * state.size[1]]);
  }

  function key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (moves) state.cursor = state.cursor.map((at, axis) => Math.min(state.size[axis], Math.max(0, at + moves[axis] * STEP * state.size[axis])));
    else if (event.key === "Enter") add([...state.cursor]);
    else if (event.key === "Backspace") state.corners.pop();
    else return;
    event.preventDefault();
    draw();
  }

  function add(corner) {
    state.corners.push(corner.map((at) => Math.round(at * 10) / 10));
    draw();
  }

  async function close(kind) {
    drawn[kind].push({ name: name.value.trim() || `${kind === "regions" ? "region" : "ignore"} ${drawn[kind].length + 1}`, polygon: state.corners });
    state.corners = [];
    name.value = "";
    await keep();
  }

  async function keep() {
    draw();
    await save({ photo_size: state.size, ...drawn });
    told.textContent = say("draw.saved");
  }

  function draw() {
    const points = (corners) => corners.map((corner) => corner.join(",")).join(" ");
    put(layer, drawn.regions.map((one) => svg("polygon", { points: points(one.polygon), class: "counts" }, svg("title", {}, one.name))),
      drawn.ignore.map((one) => svg("polygon", { points: points(one.polygon), class: "ignored" }, svg("title", {}, one.name))),
      svg("polyline", { points: points(state.corners), class: "open" }),
      state.corners.map(([cx, cy]) => svg("circle", { cx, cy, r: state.size[0] / 120 })),
      state.cursor ? svg("circle", { cx: state.cursor[0], cy: state.cursor[1], r: state.size[0] / 60, class: "cursor" }) : null);
    put(list, ["regions", "ignore"].flatMap((kind) => drawn[kind].map((one) => h("li", {}, `${one.name} (${say(`draw.${kind}`)}) `,
      h("button", { type: "button", "aria-label": say("draw.remove", { name: one.name }), onclick: async () => {
        drawn[kind] = drawn[kind].filter((other) => other !== one);
        await keep();
      } }, "✕")))));
    for (const button of closing.children) button.disabled = state.corners.length < 3;
  }

  const closing = h("span", { class: "row" }, ["regions", "ignore"].map((kind) =>
    h("button", { type: "button", disabled: true, onclick: () => close(kind) }, say(`draw.add.${kind}`))));
  return h("div", {}, h("div", { class: "stack canvas" }, image, layer), h("div", { class: "row" }, name, closing,
    h("button", { type: "button", onclick: () => { state.corners.pop(); draw(); } }, say("draw.back"))), told, list);
}

/** Returns the polygons of a file, boxes as their four corners; masks are left out, for they cannot be drawn. */
function shapes(entries) {
  return (entries ?? []).filter((one) => one.polygon || one.box).map((one) => {
    if (one.polygon) return { name: one.name ?? "region", polygon: one.polygon };
    const [x, y, width, height] = one.box;
    return { name: one.name ?? "region", polygon: [[x, y], [x + width, y], [x + width, y + height], [x, y + height]] };
  });
}
