// The page: which place is shown, who is asking, and what goes wrong.

import { audit } from "./audit.js";
import { forgetToken, get, keepToken } from "./api.js";
import { h, put } from "./dom.js";
import { figures } from "./figures.js";
import { history } from "./history.js";
import { learn } from "./learn.js";
import { live } from "./live.js";
import { models } from "./models.js";
import { moved } from "./moved.js";
import { photo } from "./photo.js";
import { chooseLanguage, chosenLanguage, LANGUAGES, loadWords, say } from "./words.js";

const PLACES = { live, history, figures, models, learn, audit }; // in the order of the menu
const WITHIN = { photo: [photo, "history"] }; // places that are reached from others, and from which

const PRODUCT = document.title;
const main = document.getElementById("main");
let session = null;
let shown = new AbortController();

async function show() {
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const [name, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const [draw, within] = WITHIN[name] ?? [PLACES[name] ?? live, name in PLACES ? name : "live"];
  notice(null);
  document.title = `${say(`place.${name in WITHIN ? name : within}`)} · ${PRODUCT}`;
  put(main);
  try {
    session = await get("/api/session", {}, signal);
    drawMenu(within);
    moved(document.getElementById("moved"), session, signal);
    await draw(main, session, signal, rest);
  } catch (error) {
    failed(error);
  }
}

function failed(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) {
    signIn(error.code === "unknown_token" ? error.message : null);
  } else {
    notice(error.code === "unreachable" ? say("fault.unreachable") : error.message);
  }
}

function signIn(told) {
  shown.abort(); // a place that went on asking would be refused each time, and each time what is typed here be lost
  forgetToken();
  const token = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
  put(main, h("form", { class: "sign-in", onsubmit: (event) => {
    event.preventDefault();
    keepToken(token.value.trim());
    show();
  } }, h("h1", {}, say("token.title")), told ? h("p", { class: "warning" }, told) : null,
    h("label", { for: "token" }, say("token.label")), token, h("button", { type: "submit" }, say("token.enter"))));
  token.focus();
}

function drawMenu(current) {
  const places = document.getElementById("places");
  places.setAttribute("aria-label", say("menu"));
  const shownPlaces = Object.keys(PLACES).filter((place) => place !== "learn" || (session?.workshop && session.role === "engineer"));
  put(places, shownPlaces.map((place) =>
    h("a", { href: `#${place}`, "aria-current": place === current ? "page" : null }, say(`place.${place}`))));
}

function notice(words) {
  const place = document.getElementById("notice");
  place.hidden = words === null;
  put(place, words ?? "");
}

function drawSkip() {
  const skip = document.getElementById("skip");
  put(skip, say("skip"));
  skip.addEventListener("click", (event) => {
    event.preventDefault(); // as an address, it would lead to another place
    main.focus();
  });
}

function drawLanguages() {
  const chosen = document.getElementById("language");
  chosen.setAttribute("aria-label", say("language"));
  put(chosen, Object.entries(LANGUAGES).map(([tag, name]) => h("option", { value: tag, lang: tag, selected: tag === chosenLanguage() }, name)));
  chosen.addEventListener("change", () => {
    chooseLanguage(chosen.value);
    location.reload();
  });
}

await loadWords();
drawSkip();
drawLanguages();
window.addEventListener("hashchange", () => {
  show();
  main.focus(); // what was followed to here is gone, or behind
});
window.addEventListener("unhandledrejection", (event) => {
  event.preventDefault(); // it is told here
  failed(event.reason);
});
document.addEventListener("fault", (event) => failed(event.detail));
await show();
