// A model's thresholds: what they promise, what others would have done, and what has moved since.

import { get, onlyTheLast, send } from "./api.js";
import { points } from "./chart.js";
import { h, put } from "./dom.js";
import { wordsOf } from "./moved.js";
import { say, sayAtMost, sayDate, sayNumber, sayTime } from "./words.js";

const WAIT = 200; // milliseconds that the slider rests before the history is asked

export async function models(main, session, signal, [chosen]) {
  const engineer = session.role === "engineer";
  const [{ models: served }, { candidates, fault }] = await Promise.all([get("/api/models", {}, signal),
    engineer ? get("/api/candidates", {}, signal).catch((error) => ({ candidates: [], fault: error.message })) : { candidates: [] }]);
  const model = served.find((one) => one.name === chosen) ?? served[0];
  const again = () => models(main, session, signal, [model.name]);
  const links = served.length < 2 ? null : h("p", { class: "row" }, served.map((one) =>
    h("a", { href: `#models/${encodeURIComponent(one.name)}`, "aria-current": one === model ? "page" : null }, one.name)));
  put(main, h("h1", {}, `${say("place.models")}: ${model.name}`), links, h("p", {}, say("model.promise", { statement: model.statement })), facts(model),
    h("section", {}, h("h2", {}, say("model.what_if")), await supposing(model, signal)),
    engineer ? h("section", {}, h("h2", {}, say("model.change")), changing(model, signal, again), replacing(model, candidates, fault, again)) : null,
    h("section", {}, h("h2", {}, say("model.drift")), await drift(model, signal)),
    h("section", {}, h("h2", {}, say("model.truth")), await truth(model, session, signal, again)));
}

function address(model, rest) {
  return `/api/models/${encodeURIComponent(model.name)}${rest}`;
}

function facts(model) {
  const pairs = { "fact.method": model.title, "fact.weights": model.weights_sha256.slice(0, 12), "fact.runtime": `${model.runtime}, ${model.precision}`,
    "fact.sees": `${model.width} × ${model.height}`, "fact.opened": sayTime(model.opened_at), "fact.proof": model.verified,
    "fact.rules": model.rules.join("; "), "fact.regions": model.regions_of_interest.join(", ") };
  return h("dl", {}, Object.entries(pairs).filter(([, value]) => value).flatMap(([key, value]) => [h("dt", {}, say(key)), h("dd", {}, value)]));
}

async function supposing(model, signal) {
  const { scores } = await get(address(model, "/scores"), { most: 400 }, signal);
  const now = model.threshold.value;
  if (!scores.length || now === null) return h("p", { class: "muted" }, say("model.no_scores"));
  const all = scores.map((one) => ({ at: one.judged_at, value: one.anomaly_score, verdict: one.verdict, label: one.label, id: one.id }));
  const chart = h("figure", {});
  const told = h("p", { role: "status" });
  const highest = Math.max(now * 2, ...all.map((point) => point.value));
  const slider = h("input", { type: "range", id: "supposed", min: 0, max: highest, step: "any", value: now, oninput: () => { moved = true; draw(); } });
  const asking = onlyTheLast(signal);
  let timer = null;
  let moved = false; // the rate of a threshold that nobody supposed is not to take the place of one that is typed

  function draw() {
    put(chart, points(all, { title: say("model.chart", { photos: all.length }), threshold: now, supposed: Number(slider.value) }));
    clearTimeout(timer);
    timer = setTimeout(suppose, WAIT);
  }

  async function suppose() {
    const found = await get(address(model, "/what-if"), { threshold: slider.value }, asking());
    put(told, [
      say("what_if.alarms", { threshold: sayNumber(found.threshold), alarms: found.alarms, photos: found.photos, then: found.alarms_then }),
      say("what_if.labels", { good: found.good_stopped, of_good: found.labelled_good, bad: found.bad_missed, of_bad: found.labelled_bad }),
      say("what_if.promise", { rate: sayAtMost(found.false_alarms) }),
      found.rules_apply ? say("what_if.rules") : "",
    ].join(" "));
    if (moved) document.dispatchEvent(new CustomEvent("supposed", { detail: found.false_alarms }));
  }

  document.addEventListener("typed", () => { moved = false; }, { signal });
  draw();
  return [chart, h("p", { class: "row" }, h("label", { for: "supposed" }, say("model.supposed")), slider), told,
    h("p", { class: "muted" }, say("model.chart_key"))];
}

function changing(model, signal, again) {
  const rate = h("input", { type: "number", id: "rate", min: 0.0001, max: 99.9999, step: "any", value: percent(model.threshold.asked_rate), required: true,
    oninput: () => document.dispatchEvent(new CustomEvent("typed")) });
  document.addEventListener("supposed", (event) => { rate.value = percent(event.detail); }, { signal });
  const form = h("form", { class: "row", onsubmit: async (event) => {
    event.preventDefault();
    await send("PUT", address(model, "/thresholds"), { false_alarms: Number(rate.value) / 100 });
    again();
  } }, h("label", { for: "rate" }, say("model.rate")), rate, h("button", { type: "submit", id: "set" }, say("model.set")),
    h("button", { type: "button", id: "undo", onclick: async () => { await send("POST", address(model, "/thresholds/undo")); again(); } }, say("model.undo")),
    h("button", { type: "button", id: "reload", onclick: async () => { await send("POST", address(model, "/reload")); again(); } }, say("model.reload")));
  return [form, h("p", { class: "muted" }, say("model.rate_note", { photos: model.calibrated_with }))];
}

/** Returns what puts another trained model in this one's place; null where the server was told of none; or why none can be listed. */
function replacing(model, candidates, fault, again) {
  if (fault) return h("p", { class: "warning" }, fault);
  if (!candidates.length) return null;
  const chosen = h("select", { id: "candidate" }, candidates.map((one) => h("option", { value: one.name, disabled: one.error !== null },
    one.error === null ? `${one.name} (${one.title}, ${one.weights_sha256.slice(0, 12)})` : `${one.name}: ${one.error}`)));
  return [h("form", { class: "row", onsubmit: async (event) => {
    event.preventDefault();
    await send("POST", address(model, "/replace"), { candidate: chosen.value });
    again();
  } }, h("label", { for: "candidate" }, say("model.candidate")), chosen, h("button", { type: "submit", id: "replace" }, say("model.replace"))),
    h("p", { class: "muted" }, say("model.replace_note"))];
}

function percent(rate) {
  return Number((100 * rate).toPrecision(6));
}

async function drift(model, signal) {
  const { watched, stations } = await get(address(model, "/drift"), {}, signal);
  if (!watched) return h("p", { class: "muted" }, say("drift.unwatched"));
  if (!stations.length) return h("p", { class: "muted" }, say("drift.none_yet"));
  return h("ul", {}, stations.map((one) => h("li", {}, h("strong", {}, one.station), ` (${say("drift.photos", { photos: one.photos })}): `,
    one.moved.length ? one.moved.map(wordsOf).join("; ") : say("drift.still"))));
}

async function truth(model, session, signal, again) {
  const found = await get(address(model, "/feedback"), {}, signal);
  const rows = found.weeks.map((week) => h("tr", {}, h("td", {}, sayDate(week.week)), h("td", {}, say(week.drawn ? "truth.drawn" : "truth.picked")),
    h("td", {}, `${week.good_stopped} / ${week.good}`), h("td", {}, `${week.bad_missed} / ${week.bad}`)));
  const table = rows.length === 0 ? h("p", { class: "muted" }, say("truth.none")) : h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["truth.week", "truth.which", "truth.stopped", "truth.missed"].map((key) => h("th", { scope: "col" }, say(key))))),
    h("tbody", {}, rows)));
  const calibrate = session.role === "engineer" && found.good > found.joined ? h("button", { type: "button", onclick: async () => {
    await send("POST", address(model, "/calibrate-with-drawn"));
    again();
  } }, say("truth.calibrate", { good: found.good - found.joined })) : null;
  return [table, h("p", {}, say("truth.waiting", { good: found.good, joined: found.joined, waiting: found.waiting, picked: found.picked })),
    found.lost ? h("p", { class: "warning" }, say("truth.lost", { lost: found.lost })) : null,
    found.waiting ? h("p", {}, h("a", { href: "#history/waiting" }, say("truth.label", { waiting: found.waiting }))) : null, calibrate];
}
