// Small charts, drawn as SVG: bars of verdicts per hour, and points of scores over time.

import { svg } from "./dom.js";
import { VERDICTS } from "./verdict.js";
import { say, sayNumber, sayTime } from "./words.js";

const WIDTH = 960;
const HEIGHT = 220;
const LEFT = 56;
const BOTTOM = 24;

/** Returns bars of {start: Date, counts: {verdict: photos}}, in order; says what it shows to those who cannot see it. */
export function bars(slots, { title }) {
  const most = Math.max(1, ...slots.map((slot) => sum(Object.values(slot.counts))));
  const wide = (WIDTH - LEFT) / Math.max(1, slots.length);
  const drawn = slots.map((slot, number) => {
    let top = HEIGHT - BOTTOM;
    return VERDICTS.filter((verdict) => slot.counts[verdict]).map((verdict) => {
      const high = (slot.counts[verdict] / most) * (HEIGHT - BOTTOM - 12);
      top -= high;
      return svg("rect", { x: LEFT + number * wide, y: top, width: Math.max(1, wide - 2), height: high, class: `bar-${verdict}` },
        svg("title", {}, `${sayTime(slot.start)} · ${say(`verdict.${verdict}`)}: ${slot.counts[verdict]}`));
    });
  });
  return frame(title, [upright([0, most]), along(slots.map((slot) => slot.start)), drawn]);
}

/** Returns points {at: Date, value, verdict, label, id} with a line at a threshold; a click opens a photo. */
export function points(all, { title, threshold, supposed }) {
  const values = [...all.map((point) => point.value), threshold, supposed].filter((value) => value !== null);
  const [least, most] = [Math.min(0, ...values), Math.max(...values) * 1.05 || 1];
  const y = (value) => HEIGHT - BOTTOM - ((value - least) / (most - least)) * (HEIGHT - BOTTOM - 12);
  const x = (number) => LEFT + 8 + (number / Math.max(1, all.length - 1)) * (WIDTH - LEFT - 16);
  const line = (value, kind) => value === null ? null : svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: kind });
  const drawn = all.map((point, number) => svg("a", { href: `#photo/${point.id}`, tabindex: -1, "aria-label": say("photo.open") },
    svg("circle", { cx: x(number), cy: y(point.value), r: point.label ? 6 : 4, class: `point-${point.verdict} ${point.label ?? ""}` },
      svg("title", {}, `${sayTime(point.at)} · ${sayNumber(point.value)}`))));
  return frame(title, [upright([least, most]), along(all.map((point) => point.at)), line(threshold, "now"), line(supposed, "supposed"), drawn], "group");
}

function frame(title, drawn, role = "img") { // in a picture, nothing can be clicked
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role, "aria-label": title }, drawn);
}

function upright([least, most]) {
  return [0, 0.5, 1].map((share) => {
    const at = HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - 12);
    return [svg("line", { x1: LEFT, x2: WIDTH, y1: at, y2: at, class: "grid" }),
      svg("text", { x: LEFT - 8, y: at + 5, "text-anchor": "end" }, sayNumber(least + share * (most - least), 2))];
  });
}

function along(times) {
  if (!times.length) return null;
  const text = (time, x, anchor) => svg("text", { x, y: HEIGHT - 4, "text-anchor": anchor }, sayTime(time));
  return [text(times[0], LEFT, "start"), times.length > 1 ? text(times.at(-1), WIDTH, "end") : null];
}

function sum(values) {
  return values.reduce((all, value) => all + value, 0);
}
