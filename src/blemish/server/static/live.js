// What the camera saw last, readable from across the hall, and what came before it.

import { follow, get, sendPhoto } from "./api.js";
import { h, put } from "./dom.js";
import { labelling } from "./labels.js";
import { meter, reason, shownPicture, sign, tile } from "./verdict.js";
import { say, sayPercent, sayTime } from "./words.js";

const EARLIER = 24;
const WAIT = 200; // milliseconds between two drawings: nobody sees more, and each large photo is a request

export function live(main, session, signal) {
  const state = { latest: [], shown: [], newest: null, photos: 0, stopped: 0, paused: false, drawing: null, waits: false };
  const place = h("section", { class: "live", "aria-live": "polite" });
  const earlier = h("div", { class: "tiles" });
  let tiles = new Map(); // verdicts to their tiles: one that is shown already loads no photo again
  const counts = h("p", { class: "counts" });
  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => hold(!state.paused) }, say("live.pause"));

  function hold(paused) {
    state.paused = paused;
    pause.setAttribute("aria-pressed", String(paused));
    refresh();
  }

  function keep(verdicts) {
    const known = new Set(state.latest.map((one) => one.id));
    state.latest = [...state.latest, ...verdicts.filter((one) => !known.has(one.id))].sort((a, b) => b.id - a.id).slice(0, EARLIER + 1);
    state.newest = state.latest[0]?.id ?? 0;
  }

  function arrived(verdict) {
    keep([verdict]);
    state.photos += 1;
    state.stopped += verdict.verdict !== "normal";
    state.drawing ??= setTimeout(refresh, WAIT);
  }

  function refresh() {
    state.drawing = null;
    if (state.paused) return;
    state.shown = state.latest;
    draw();
  }

  function draw() {
    state.waits = place.querySelector("input:focus") !== null; // who types would type on another photo
    if (state.waits || signal.aborted) return; // in another place, the keys label what is shown there
    const [last, ...before] = state.shown;
    put(place, last ? large(last, session, signal, replaced) : h("p", { class: "muted" }, say("live.nothing")));
    tiles = new Map(before.map((verdict) => [verdict, tiles.get(verdict) ?? tile(verdict, signal)]));
    put(earlier, [...tiles.values()]);
    put(counts, say("live.counts", { photos: state.photos, stopped: state.stopped,
      share: sayPercent(state.photos ? state.stopped / state.photos : 0) }));
  }

  function replaced(verdict) { // while the page is held, too: what was said of the photo is seen, and can be taken back
    const newer = (verdicts) => verdicts.map((one) => (one.id === verdict.id ? verdict : one));
    state.latest = newer(state.latest);
    state.shown = newer(state.shown);
    draw();
  }

  place.addEventListener("focusout", () => setTimeout(() => { if (state.waits) draw(); }));

  put(main, h("h1", { class: "hidden" }, say("place.live")), place,
    h("div", { class: "bar" }, counts, h("span", { class: "spacer" }), tryPhoto(session, signal), pause),
    h("h2", {}, say("live.earlier")), earlier);
  const connection = document.getElementById("connection");
  signal.addEventListener("abort", () => { connection.textContent = ""; }, { once: true }); // other places are not live
  const connects = (connected) => {
    if (signal.aborted) return;
    connection.className = connected ? "on" : "off";
    connection.textContent = connected ? say("live.connected") : say("live.broken");
    place.classList.toggle("old", !connected);
  };
  const begin = () => {
    follow(() => state.newest, arrived, connects, signal).catch((error) => { document.dispatchEvent(new CustomEvent("fault", { detail: error })); });
  };
  get("/api/verdicts", { most: EARLIER + 1 }, signal).then((page) => {
    keep(page.verdicts);
    refresh();
  }).finally(begin); // behind these verdicts, so that none between is missed; without them, with the next
}

function large(verdict, session, signal, replaced) {
  const alt = say("photo.alt", { name: verdict.photo.name ?? verdict.id, verdict: say(`verdict.${verdict.verdict}`) });
  return h("article", { class: `large ${verdict.verdict}` },
    h("a", { href: `#photo/${verdict.id}`, id: "open", "aria-label": say("photo.open") },
      shownPicture(verdict, { overlay: verdict.verdict !== "normal", signal, alt })),
    h("div", { class: "said" },
      h("p", { class: "verdict" }, sign(verdict.verdict)),
      h("p", {}, reason(verdict)),
      meter(verdict),
      h("p", { class: "muted" }, [verdict.photo.name, verdict.model, verdict.station, sayTime(verdict.judged_at)].filter(Boolean).join(" · ")),
      labelling(verdict, signal, replaced)));
}

function tryPhoto(session, signal) {
  const chosen = h("select", { "aria-label": say("model.choose") }, session.models.map((name) => h("option", { value: name }, name)));
  const file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: async () => {
    const photo = file.files[0];
    file.value = "";
    if (photo) await sendPhoto(`/api/models/${encodeURIComponent(chosen.value)}/judge?name=${encodeURIComponent(photo.name)}`, photo)
      .catch((error) => { document.dispatchEvent(new CustomEvent("fault", { detail: error })); });
  } });
  return h("span", { class: "row" }, session.models.length > 1 ? chosen : null,
    h("button", { type: "button", onclick: () => file.click() }, say("live.try")), file);
}
