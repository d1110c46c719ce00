// What photos have become other than those calibrated with: said above every place, for nobody looks for it.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { say } from "./words.js";

const LOOK = 60_000; // milliseconds: so often the server looks itself

/** Fills `place` with a line for each station whose photos have moved, until the signal aborts. */
export function moved(place, session, signal) {
  let told = null;

  async function look() {
    const found = await Promise.all(session.models.map((model) => get(`/api/models/${encodeURIComponent(model)}/drift`, {}, signal)
      .then(({ stations }) => stations.filter((one) => one.moved.length).map((one) => line(model, one)))));
    const words = found.flat().map((one) => one.textContent).join("\n");
    if (words !== told) put(place, found.flat()); // else it would be read out again
    told = words;
  }

  const again = () => look().catch(() => {}); // that the server does not answer is said elsewhere
  const timer = setInterval(again, LOOK);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  again();
}

function line(model, { station, moved: found }) {
  return h("p", { class: "warning" }, h("a", { href: `#models/${encodeURIComponent(model)}` }, say("drift.alarm", { model, station })),
    `: ${found.map(wordsOf).join("; ")}`);
}

/** Returns what the photos have become, in words. */
export function wordsOf({ quantity, before, now }) {
  return say(`moved.${quantity}.${now < before ? "less" : "more"}`);
}
