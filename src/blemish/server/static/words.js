// What the page says, in the language that was chosen: words/LANGUAGE.json has all of it.

export const LANGUAGES = { en: "English", de: "Deutsch" };
const CHOSEN = "blemish.language";
let catalogue = {};
let language = "en";

/** Loads the language that was chosen last, or else the browser's, or else English. */
export async function loadWords() {
  const wished = [localStorage.getItem(CHOSEN), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  language = wished.find((tag) => tag in LANGUAGES) ?? "en";
  catalogue = await (await fetch(`words/${language}.json`)).json();
  document.documentElement.lang = language;
}

export function chosenLanguage() {
  return language;
}

/** Keeps the choice; the page is then to be loaded anew. */
export function chooseLanguage(tag) {
  localStorage.setItem(CHOSEN, tag);
}

/** Returns what the catalogue has under a key, with {names} replaced. */
export function say(key, values = {}) {
  const words = catalogue[key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function sayNumber(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat(language, { maximumSignificantDigits: digits }).format(value);
}

export function sayPercent(share) {
  return percent(share, "halfExpand");
}

/** Returns a share that is promised not to be exceeded: never one smaller than it is. */
export function sayAtMost(share) {
  return percent(share, "ceil");
}

/** Of what is small, the share or what is left of all, two digits are kept: neither is said to be none. */
function percent(share, roundingMode) {
  const small = Math.min(share, 1 - share);
  const digits = small > 0 ? Math.max(0, -1 - Math.floor(Math.log10(small))) : 0;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits, roundingMode }).format(share);
}

/** Returns the day in UTC, in which the server begins days and weeks: elsewhere its midnight is on another day. */
export function sayDate(iso) {
  return new Intl.DateTimeFormat(language, { dateStyle: "short", timeZone: "UTC" }).format(new Date(iso));
}

export function sayTime(iso) {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(language, today ? { timeStyle: "medium" } : { dateStyle: "short", timeStyle: "short" })
    .format(time);
}
