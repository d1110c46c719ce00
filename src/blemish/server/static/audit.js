// Who changed what, and who may.

import { get, onlyTheLast, send } from "./api.js";
import { h, put } from "./dom.js";
import { say, sayTime } from "./words.js";

export async function audit(main, session, signal) {
  const again = () => audit(main, session, signal);
  const told = h("p", { role: "status" });
  const changes = h("tbody", {});
  const asking = onlyTheLast(signal);
  let before = null;
  const more = h("button", { type: "button", onclick: load }, say("history.more"));

  async function load() {
    const page = await get("/api/audit", { most: 50, before }, asking());
    changes.append(...page.changes.map((one) => h("tr", {}, h("td", {}, sayTime(one.at)), h("td", {}, one.who), h("td", {}, one.action),
      h("td", {}, one.subject), h("td", {}, words(one.before)), h("td", {}, words(one.after)))));
    before = page.changes.at(-1)?.id ?? null;
    more.hidden = page.changes.length < 50;
  }

  const engineer = session.role === "engineer";
  put(main, h("h1", {}, say("place.audit")), h("p", {}, say("audit.you", { user: session.user, role: say(`role.${session.role}`) })),
    h("div", { class: "table", tabindex: 0, role: "region", "aria-label": say("place.audit") }, h("table", {}, h("thead", {}, h("tr", {}, ["when", "who", "what", "subject", "before", "after"]
      .map((key) => h("th", { scope: "col" }, say(`audit.${key}`))))), changes)), h("p", {}, more),
    engineer ? [h("h2", {}, say("people.title")), await people(signal, again), giving(told), told] : null);
  if (engineer) await load();
}

function words(values) {
  return values === null ? "" : Object.entries(values).map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
}

async function people(signal, again) {
  const { users } = await get("/api/users", {}, signal);
  const revoke = (user) => h("button", { type: "button", onclick: async () => {
    await send("DELETE", `/api/users/${encodeURIComponent(user.name)}`);
    again();
  } }, say("people.revoke"));
  return h("ul", {}, users.map((user) => h("li", {}, `${user.name}: ${say(`role.${user.role}`)} `,
    user.revoked_at ? say("people.revoked", { when: sayTime(user.revoked_at) }) : revoke(user))));
}

function giving(told) {
  const name = h("input", { type: "text", id: "name", maxlength: 64, required: true });
  const role = h("select", { "aria-label": say("people.role") }, ["operator", "engineer"].map((value) => h("option", { value }, say(`role.${value}`))));
  return h("form", { class: "row", onsubmit: async (event) => {
    event.preventDefault();
    const given = await send("PUT", `/api/users/${encodeURIComponent(name.value.trim())}`, { role: role.value });
    put(told, say("people.token", { name: given.name }), " ", h("code", {}, given.token));
  } }, h("label", { for: "name" }, say("people.name")), name, role, h("button", { type: "submit" }, say("people.give")));
}
