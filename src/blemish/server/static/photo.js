// One photo: what it looks like, where it differs, why it was judged so, and what people said of it.

import { get, picture } from "./api.js";
import { h, put } from "./dom.js";
import { labelling } from "./labels.js";
import { labelOf, meter, reason, shownPicture, sign } from "./verdict.js";
import { say, sayNumber, sayTime } from "./words.js";

export async function photo(main, session, signal, [id]) {
  draw(main, await get(`/api/verdicts/${id}`, {}, signal), signal);
}

async function draw(main, verdict, signal) {
  const name = verdict.photo.name ?? `#${verdict.id}`;
  put(main,
    h("h1", {}, sign(verdict.verdict), ` ${name} `, labelOf(verdict)),
    h("div", { class: "pair" },
      h("div", {}, pictures(verdict, name, signal)),
      h("div", {},
        h("p", {}, reason(verdict)), meter(verdict),
        labelling(verdict, signal, (newer) => draw(main, newer, signal)),
        regions(verdict), facts(verdict), levels(verdict, signal), await history(verdict, signal))));
}

function pictures(verdict, name, signal) {
  const alt = say("photo.alt", { name, verdict: say(`verdict.${verdict.verdict}`) });
  const over = shownPicture(verdict, { overlay: true, signal, alt: "" });
  over.classList.add("over");
  const slider = h("input", { type: "range", min: 0, max: 100, value: 60, id: "opacity",
    oninput: () => { over.style.opacity = slider.value / 100; } });
  over.style.opacity = 0.6;
  return [
    h("div", { class: "stack" }, shownPicture(verdict, { signal, alt }), over),
    h("p", { class: "row" }, h("label", { for: "opacity" }, say("photo.opacity")), slider),
    h("p", {}, h("button", { type: "button", id: "map", onclick: () => save(verdict.links.map, `${verdict.id}-map.tiff`) }, say("photo.map"))),
  ];
}

async function save(path, name) {
  const link = h("a", { href: await picture(path), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function regions(verdict) {
  if (!verdict.regions.length) return null;
  const columns = ["box", "area", "length", "width", "peak"].filter((column) => verdict.regions.some((one) => one[column] != null));
  return [
    h("h2", {}, say("photo.regions")),
    h("div", { class: "table", id: "regions", tabindex: 0, role: "region", "aria-label": say("photo.regions") }, h("table", {},
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, say(`region.${column}`))))),
      h("tbody", {}, verdict.regions.map((one) => h("tr", {}, columns.map((column) => h("td", {}, shown(one[column])))))))),
  ];
}

/** Returns what is computed when it is opened first: which level fired. */
function levels(verdict, signal) {
  const place = h("div", { role: "status" });
  let asked = false;

  async function load(event) {
    if (!event.target.open || asked) return;
    asked = true;
    put(place, say("levels.wait"));
    try {
      const found = await get(`${verdict.links.verdict}/levels`, {}, signal);
      const image = h("img", { class: "levels", alt: say("levels.picture") });
      put(place, say("levels.again", { score: sayNumber(found.anomaly_score), then: sayNumber(verdict.anomaly_score) }), levelTable(found.levels), image);
      const address = await picture(found.picture, signal);
      image.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
      image.src = address;
    } catch (error) {
      asked = false; // it can be opened again
      if (error.name !== "AbortError") put(place, error.message);
    }
  }

  return verdict.verdict === "unreadable" ? null : h("details", { ontoggle: load }, h("summary", { id: "levels" }, say("levels.title")), place);
}

function levelTable(found) {
  const angle = (value) => `${sayNumber(value, 2)}°`;
  return h("div", { class: "table", tabindex: 0, role: "region", "aria-label": say("levels.title") }, h("table", {},
    h("thead", {}, h("tr", {}, ["level", "mostly", "here", "highest"].map((key) => h("th", { scope: "col" }, say(`levels.${key}`))))),
    h("tbody", {}, found.map((one) => h("tr", { class: one.strongest ? "strongest" : null }, h("td", {}, `${one.pair}, ${one.level}${one.fired ? ` · ${say("levels.fired")}` : ""}`),
      h("td", {}, angle(one.mostly)), h("td", {}, angle(one.here)), h("td", {}, angle(one.highest)))))));
}

function shown(value) {
  if (Array.isArray(value)) return value.map((one) => Math.round(one)).join(", ");
  return typeof value === "number" ? sayNumber(value) : value ?? "–";
}

function facts(verdict) {
  const judge = verdict.judge;
  const size = verdict.photo.width ? `${verdict.photo.width} × ${verdict.photo.height}` : null;
  const pairs = {
    "fact.time": sayTime(verdict.judged_at), "fact.station": verdict.station, "fact.model": verdict.model,
    "fact.method": judge?.method, "fact.weights": judge?.weights_sha256?.slice(0, 12), "fact.runtime": judge && `${judge.runtime}, ${judge.precision}`,
    "fact.threshold": judge && sayNumber(judge.threshold) + (judge.threshold_estimated ? ` (${say("fact.estimated")})` : ""),
    "fact.size": size, "fact.photo": verdict.photo.sha256?.slice(0, 12), "fact.stopped_by": verdict.stopped_by.join(", "),
  };
  return [h("h2", {}, say("photo.facts")), h("dl", {}, Object.entries(pairs).filter(([, value]) => value)
    .flatMap(([key, value]) => [h("dt", {}, say(key)), h("dd", {}, value)]))];
}

async function history(verdict, signal) {
  const { labels } = await get(`${verdict.links.verdict}/labels`, {}, signal);
  if (!labels.length) return null;
  return [h("h2", {}, say("photo.labels")), h("ul", {}, labels.map((one) => h("li", {},
    say("photo.labelled", { label: say(one.label ? `label.${one.label}` : "label.none"), who: one.labelled_by, when: sayTime(one.labelled_at) }),
    one.defect_type ? ` (${one.defect_type})` : "", one.note ? ` – ${one.note}` : "")))];
}
