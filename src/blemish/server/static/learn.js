// A first model: a folder of photos, what of them counts, a training and how far it is.

import { get, picture, send } from "./api.js";
import { h, put } from "./dom.js";
import { drawing } from "./drawing.js";
import { say, sayPercent } from "./words.js";

const LOOK = 1000; // milliseconds between two looks at a training

export async function learn(main, session, signal, [chosen]) {
  const { folders, learning } = await get("/api/workshop", {}, signal);
  const folder = folders.find((one) => one.name === chosen);
  put(main, h("h1", {}, say("place.learn")), learning ? running(learning, signal, () => learn(main, session, signal, [chosen])) : null,
    folders.length ? h("ul", { class: "choices" }, folders.map((one) => choice(one, one === folder))) : h("p", {}, say("learn.no_folders")),
    folder && !folder.error ? await asked(folder, learning, main, session, signal) : null);
}

function choice(folder, current) {
  const words = folder.error ?? say("learn.photos", { photos: folder.photos });
  return h("li", {}, h("a", { href: `#learn/${encodeURIComponent(folder.name)}`, "aria-current": current ? "page" : null }, folder.name),
    ` ${words}`, folder.regions ? ` · ${say("learn.regions", { regions: folder.regions })}` : "");
}

async function asked(folder, learning, main, session, signal) {
  const address = `/api/workshop/${encodeURIComponent(folder.name)}`;
  const [regions, photo] = await Promise.all([get(`${address}/regions`, {}, signal), picture(`${address}/photo`, signal)]);
  const name = h("input", { type: "text", id: "model", required: true, maxlength: 64, pattern: "[\\w.\\-]+", value: folder.name.replace(/[^\w.-]/g, "-") });
  const size = h("select", { id: "size" }, [["", say("learn.size.usual")], [128, "128"], [256, "256"], [512, "512"]].map(([value, words]) => h("option", { value }, words)));
  const teacher = h("select", { id: "teacher" }, [["", say("learn.teacher.usual")], ["efficientnet_lite0", say("learn.teacher.installed")]]
    .map(([value, words]) => h("option", { value }, words)));
  const replaces = h("select", { id: "replaces" }, h("option", { value: "" }, say("learn.replaces.none")),
    session.models.map((model) => h("option", { value: model }, model)));
  const form = h("form", { class: "row", onsubmit: async (event) => {
    event.preventDefault();
    await send("POST", `${address}/learn`, { model: name.value, image_size: size.value ? Number(size.value) : null, teacher: teacher.value || null,
      replaces: replaces.value || null });
    learn(main, session, signal, [folder.name]);
  } }, h("label", { for: "model" }, say("learn.name")), name, h("label", { for: "size" }, say("learn.size")), size, h("label", { for: "teacher" }, say("learn.teacher")), teacher,
    h("label", { for: "replaces" }, say("learn.replaces")), replaces,
    h("button", { type: "submit", disabled: learning?.state === "running" }, say("learn.begin")));
  return [h("h2", {}, say("learn.counts")), h("p", { class: "muted" }, say("learn.draw")),
    drawing(photo, regions, async (drawn) => send("PUT", `${address}/regions`, drawn)), h("h2", {}, say("learn.train")), form];
}

function running(learning, signal, again) {
  const bar = h("progress", { max: 1, "aria-label": say("learn.progress") });
  const words = h("p", { role: "status" });
  const beside = h("p", {});
  const told = h("ul", {});
  const stop = h("button", { type: "button", onclick: async () => {
    await send("DELETE", "/api/workshop/learning");
    again();
  } }, say("learn.stop"));

  function draw(now) {
    bar.value = now.total ? now.done / now.total : 0;
    bar.hidden = stop.hidden = now.state !== "running";
    put(words, say(`learn.state.${now.state}`, { model: now.model, folder: now.folder }),
      now.activity && now.state === "running" ? ` ${now.activity}: ${sayPercent(bar.value)}` : "");
    put(beside, now.succession ? [say(now.succession.is_live ? "learn.live" : "learn.not_live"), " ", say("learn.compared", now.succession)] : "");
    put(told, now.told.map((line) => h("li", {}, line)));
  }

  let last = learning;

  async function look() {
    if (signal.aborted) return;
    const now = await get("/api/workshop/learning", {}, signal).catch((error) => {
      if (error.name === "AbortError") throw error;
      document.dispatchEvent(new CustomEvent("fault", { detail: error }));
      return last; // the training goes on, though the server was not heard
    });
    last = now;
    if (now?.state === "running") {
      draw(now);
      setTimeout(look, LOOK);
    } else again();
  }

  draw(learning);
  if (learning.state === "running") setTimeout(look, LOOK);
  return h("section", { class: `learning ${learning.state}` }, words, bar, beside, told, stop);
}
