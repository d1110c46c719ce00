// The only file that talks to the server.

const TOKEN = "blemish.token";
const SILENCE = 45000; // milliseconds without a word of a stream, which has one every 20 s at least, before it is taken for broken

/** An error as the server says it: a code, and a line for people. */
export class Fault extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

export function forgetToken() {
  sessionStorage.removeItem(TOKEN);
}

function headers(more = {}) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}`, ...more } : more;
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault(0, "unreachable", error.message);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  throw new Fault(answer.status, told?.error?.code ?? "failed", told?.error?.message ?? answer.statusText);
}

/** Returns what a query such as {model: "screw", verdict: ["anomalous", "check"], since: null} is in an address. */
export function query(values) {
  const pairs = Object.entries(values).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter((one) => one !== null && one !== undefined && one !== "")
      .map((one) => [name, one]));
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

export async function get(path, values = {}, signal = null) {
  return (await ask(path + query(values), { signal })).json();
}

/** Returns what gives a signal for each new question of one kind: it aborts when the next is asked, or when `signal`
 * aborts. Answers may come in another order than their questions, and only the last one's may be shown. */
export function onlyTheLast(signal) {
  let asked = new AbortController();
  return () => {
    asked.abort();
    asked = new AbortController();
    return AbortSignal.any([signal, asked.signal]);
  };
}

export async function send(method, path, body) {
  const options = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const answer = await ask(path, { method, ...options });
  return answer.status === 204 ? null : answer.json();
}

export async function sendPhoto(path, file) {
  return (await ask(path, { method: "POST", body: file })).json();
}

/** Returns a picture's address for <img>, which cannot send a token itself; release it with URL.revokeObjectURL. */
export async function picture(path, signal = null) {
  return URL.createObjectURL(await (await ask(path, { signal })).blob());
}

/** Calls onVerdict(verdict) for each new one, and onState(connected) when the stream begins or breaks; goes on by itself
 * after the verdict whose id newest() gives (null: with the next), until the signal aborts or no token is of use: then it throws. */
export async function follow(newest, onVerdict, onState, signal) {
  while (!signal.aborted) {
    try {
      const answer = await ask("/api/live" + query({ after: newest() }), { signal });
      onState(true);
      for await (const event of eventsOf(answer.body)) {
        if (event.event === "verdict") onVerdict(JSON.parse(event.data));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 401) throw error;
    } finally {
      onState(false);
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function* eventsOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await within(SILENCE, reader.read());
      if (done) return;
      const events = (rest + value.replaceAll("\r", "")).split("\n\n");
      rest = events.pop();
      for (const event of events) yield fieldsOf(event);
    }
  } finally {
    reader.cancel().catch(() => {}); // one that was silent is not left open
  }
}

/** Returns what a promise gives, or throws: where the other machine lost its power, nothing else tells that it is gone. */
function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Fault(0, "unreachable", "silence")), milliseconds); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function fieldsOf(event) {
  const fields = { data: "" };
  for (const line of event.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  return fields;
}
