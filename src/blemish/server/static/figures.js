// Yield: how many photos had which verdict, hour by hour or day by day.

import { get, onlyTheLast } from "./api.js";
import { bars } from "./chart.js";
import { h, put } from "./dom.js";
import { sign, VERDICTS } from "./verdict.js";
import { say, sayPercent } from "./words.js";

const SPANS = { day: [24, 1], week: [7 * 24, 6], month: [30 * 24, 24] }; // hours back, hours of a bar

export function figures(main, session, signal) {
  const span = select("figures.span", Object.keys(SPANS), (value) => say(`figures.${value}`));
  const model = select("filter.model", ["", ...session.models], (value) => value || say("filter.all"));
  const station = select("filter.station", ["", ...session.stations], (value) => value || say("filter.all"));
  const asking = onlyTheLast(signal);
  const shown = h("div", { "aria-live": "polite" });

  function select(words, values, say_) {
    const chosen = h("select", { onchange: () => draw() }, values.map((value) => h("option", { value }, say_(value))));
    return { chosen, label: h("label", {}, say(words), chosen) };
  }

  async function draw() {
    const [back, wide] = SPANS[span.chosen.value];
    const since = new Date(Date.now() - back * 3600e3);
    const { hours } = await get("/api/figures/hours", { model: model.chosen.value, station: station.chosen.value, since: since.toISOString(), apart: false }, asking());
    const slots = slotsOf(hours, since, back / wide, wide);
    const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, hours.filter((row) => row.verdict === verdict)
      .reduce((all, row) => all + row.photos, 0)]));
    const all = Object.values(counts).reduce((a, b) => a + b, 0);
    put(shown, h("figure", {}, bars(slots, { title: say("figures.title") })), all === 0 ? h("p", { class: "muted" }, say("figures.none")) : table(counts, all));
  }

  put(main, h("h1", {}, say("place.figures")), h("form", { class: "filters" }, span.label, model.label, station.label), shown);
  return draw();
}

function slotsOf(hours, since, number, wide) {
  const first = Math.floor(since.getTime() / 3600e3);
  const slots = Array.from({ length: number + 1 }, (_, i) => ({ start: new Date((first + i * wide) * 3600e3).toISOString(), counts: {} }));
  for (const row of hours) {
    const { counts } = slots[Math.max(0, Math.min(number, Math.floor((new Date(row.hour).getTime() / 3600e3 - first) / wide)))];
    counts[row.verdict] = (counts[row.verdict] ?? 0) + row.photos;
  }
  return slots;
}

function table(counts, all) {
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, say("filter.verdict")), h("th", { scope: "col" }, say("figures.photos")), h("th", { scope: "col" }, say("figures.share")))),
    h("tbody", {}, VERDICTS.map((verdict) => h("tr", {}, h("td", {}, sign(verdict)), h("td", {}, String(counts[verdict])), h("td", {}, sayPercent(counts[verdict] / all)))))));
}
