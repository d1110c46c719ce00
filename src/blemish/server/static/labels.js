// What people say of a photo: really good, really bad, and of which kind. By click, or by the keys G and B.

import { send } from "./api.js";
import { h } from "./dom.js";
import { say } from "./words.js";

const LOOK = 700; // milliseconds that a photo in another's place is shown before a key labels it: the key was meant for the other

let saying = Promise.resolve(); // labels go to the server one after the other: of two at once either could hold in the end
let pressed = null; // what the keys G, B and Backspace do, and until which signal: they label the photo that is shown large
let shown = { id: null, since: -Infinity };

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const label = { g: "good", b: "bad", Backspace: null }[event.key];
  if (label !== undefined && working()) {
    event.preventDefault();
    unlessTooSoon(() => pressed.label(label));
  }
});

/** Returns whether the keys label a photo. The signal is asked and not listened to: as long as a place is open, its
 * listeners would hold every photo that was ever shown there. */
function working() {
  return pressed !== null && !pressed.signal.aborted;
}

function unlessTooSoon(label) {
  if (performance.now() - shown.since > LOOK) label();
  else document.dispatchEvent(new CustomEvent("fault", { detail: new Error(say("label.too_soon")) }));
}

/** Returns buttons that label a verdict; calls replaced(verdict) with the server's answer. The keys work until the signal
 * aborts, or another photo's buttons are shown. */
export function labelling(verdict, signal, replaced) {
  const kind = h("input", { type: "text", maxlength: 255, value: verdict.defect_type ?? "", placeholder: say("label.kind"),
    "aria-label": say("label.kind"), list: "kinds", hidden: verdict.label !== "bad", onchange: () => {
      label("bad");
      if (document.activeElement === kind) row.focus(); // not a button, which Enter would press if it came twice
    } });

  function label(value) {
    saying = saying.then(() => said(value));
  }

  async function said(value) {
    const type = value === "bad" && kind.value.trim() ? kind.value.trim() : null;
    try {
      replaced(await send("PUT", `${verdict.links.verdict}/label`, { label: value, defect_type: type }));
    } catch (error) {
      document.dispatchEvent(new CustomEvent("fault", { detail: error }));
    }
  }

  function button(value, key) {
    return h("button", { type: "button", id: `label-${value}`, class: value, "aria-pressed": String(verdict.label === value), "aria-keyshortcuts": key,
      onclick: (event) => {
        const press = () => label(verdict.label === value ? null : value);
        if (event.detail) press();
        else unlessTooSoon(press); // by Enter or Space: the button has kept the focus, but another photo may have come
      } }, say(`label.${value}`), h("kbd", { "aria-hidden": "true" }, key));
  }

  if (shown.id !== verdict.id) shown = { id: verdict.id, since: working() ? performance.now() : -Infinity };
  pressed = { label, signal };
  const row = h("div", { class: "row labelling", id: "labelling", tabindex: -1 }, button("good", "G"), button("bad", "B"), kind);
  return row;
}
