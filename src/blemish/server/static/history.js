// All that was judged: sought by model, station, verdict, label and time; a page after the other.

import { get, onlyTheLast } from "./api.js";
import { h, put } from "./dom.js";
import { tile, VERDICTS } from "./verdict.js";
import { say } from "./words.js";

const AT_ONCE = 48;

export function history(main, session, signal, [preset]) {
  const found = h("div", { class: "tiles" });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(false) }, say("history.more"));
  const nothing = h("p", { class: "muted", hidden: true, role: "status" }, say("history.nothing"));
  const form = filters(session, () => load(true));
  if (preset === "waiting") {
    form.elements.drawn.value = "true";
    form.elements.label.value = "none";
  }
  const asking = onlyTheLast(signal);
  let after = null;

  async function load(anew) {
    if (anew) more.hidden = true; // it would go on where other filters ended
    const page = await get("/api/verdicts", { ...soughtBy(form), most: AT_ONCE, after: anew ? null : after }, asking());
    if (anew) put(found);
    found.append(...page.verdicts.map((verdict) => tile(verdict, signal)));
    after = page.after;
    more.hidden = after === null;
    nothing.hidden = found.childElementCount > 0;
  }

  put(main, h("h1", {}, say("place.history")), form, found, nothing, h("p", {}, more));
  return load(true);
}

function filters(session, changed) {
  const box = (verdict) => h("label", { class: "row" }, h("input", { type: "checkbox", name: "verdict", value: verdict }), say(`verdict.${verdict}`));
  return h("form", { class: "filters", onchange: changed, onsubmit: (event) => event.preventDefault() },
    choice("model", session.models), choice("station", session.stations),
    h("fieldset", {}, h("legend", {}, say("filter.verdict")), VERDICTS.map(box)),
    choice("label", ["good", "bad", "any", "none"], (label) => say(`filter.label.${label}`)),
    choice("drawn", ["true"], () => say("filter.drawn.true")), moment("since"), moment("until"));
}

function choice(name, values, words = (value) => value) {
  return h("label", {}, say(`filter.${name}`), h("select", { name }, h("option", { value: "" }, say("filter.all")),
    values.map((value) => h("option", { value }, words(value)))));
}

function moment(name) {
  return h("label", {}, say(`filter.${name}`), h("input", { type: "datetime-local", name }));
}

function soughtBy(form) {
  const data = new FormData(form);
  const time = (name) => (data.get(name) ? new Date(data.get(name)).toISOString() : null);
  return { model: data.get("model"), station: data.get("station"), verdict: data.getAll("verdict"), label: data.get("label"), drawn: data.get("drawn"),
    since: time("since"), until: time("until") };
}
