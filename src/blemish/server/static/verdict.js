// How a verdict is shown, wherever it is shown: a word, a sign and a colour, so that nobody depends on the colour.

import { picture } from "./api.js";
import { h, put } from "./dom.js";
import { say, sayNumber, sayTime } from "./words.js";

export const VERDICTS = ["normal", "check", "anomalous", "unusual", "unreadable"];
const GONE = 410;
const SIGNS = { normal: "✓", check: "?", anomalous: "✕", unusual: "≠", unreadable: "⚠" };

export function sign(verdict) {
  return h("span", { class: `sign ${verdict}` }, h("span", { "aria-hidden": "true" }, SIGNS[verdict]), ` ${say(`verdict.${verdict}`)}`);
}

/** Returns why it is what it is, in a line. */
export function reason(verdict) {
  if (verdict.error) return verdict.error;
  if (verdict.unusual_reason) return verdict.unusual_reason;
  if (verdict.rule_reason) return verdict.rule_reason;
  if (verdict.anomaly_score === null) return "";
  const values = { score: sayNumber(verdict.anomaly_score), threshold: sayNumber(verdict.judge?.threshold) };
  return verdict.judge?.threshold === null ? say("score.alone", values) : say("score.against", values);
}

export function labelOf(verdict) {
  if (!verdict.label) return null;
  const words = say(`label.${verdict.label}`) + (verdict.defect_type ? `: ${verdict.defect_type}` : "");
  return h("span", { class: `label ${verdict.label}` }, words);
}

/** Returns a picture of a verdict that loads by itself; where none is kept it says so. */
export function shownPicture(verdict, { overlay, signal, alt }) {
  const image = h("img", { alt });
  const frame = h("div", { class: "picture" }, image);
  picture(overlay ? verdict.links.overlay : verdict.links.photo, signal).then((address) => {
    image.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
    image.src = address;
  }).catch((error) => {
    if (error.name === "AbortError") return;
    put(frame, h("span", { class: "muted" }, error.status === GONE ? say("photo.not_kept") : error.message));
  });
  return frame;
}

/** Returns a tile that leads to the verdict. */
export function tile(verdict, signal) {
  const name = verdict.photo.name ?? `#${verdict.id}`;
  return h("a", { class: `tile ${verdict.verdict}`, href: `#photo/${verdict.id}`, dataset: { id: verdict.id } },
    shownPicture(verdict, { overlay: verdict.verdict !== "normal", signal, alt: "" }),
    h("span", { class: "row" }, sign(verdict.verdict), labelOf(verdict)),
    h("span", { class: "muted" }, `${name} · ${sayTime(verdict.judged_at)}`));
}

/** Returns a bar: how far the score is towards its threshold, and beyond. */
export function meter(verdict) {
  const threshold = verdict.judge?.threshold;
  if (!threshold || verdict.anomaly_score === null) return null;
  const share = Math.min(2, Math.max(0, verdict.anomaly_score / threshold));
  return h("meter", { min: 0, max: 2, low: 1, high: 1.0001, optimum: 0.5, value: share,
    "aria-label": say("score.meter", { times: sayNumber(verdict.anomaly_score / threshold, 2) }) });
}
