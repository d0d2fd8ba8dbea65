// How do messages arrive? Over one fetch that stays open; with a token in its header, which an EventSource could not send. When it
// breaks, the page says so and tries again, each time a little later.

import { authorized } from "./token.js";
import { receive, store } from "./store.js";

/** Without a word for so long, the connection is taken for lost. The gateway says something every two seconds. */
const SILENCE = 8_000;
const LONGEST = 15_000;

const listeners = [];
/** `state`: { live, why, again } where `again` is the moment of the next try. */
export const onLink = (listener) => listeners.push(listener);
export const link = { live: false, why: "", again: 0 };

let wake = null;
let current = null;

function say(live, why, again) {
  Object.assign(link, { live, why, again });
  listeners.forEach((listener) => listener(link));
}

/** Tries at once. */
export function again() {
  wake?.();
}

export async function follow() {
  for (let tries = 0; ; tries += 1) {
    const began = Date.now();
    const why = await once().catch((error) => (error?.name === "AbortError" ? "it fell silent" : "it cannot be reached"));
    if (why.token) { tries = -1; continue; }
    if (Date.now() - began > 10_000) tries = 0;
    const pause = Math.min(LONGEST, 500 * 2 ** tries) * (0.75 + Math.random() / 2);
    say(false, why, Date.now() + pause);
    await new Promise((done) => { wake = done; setTimeout(done, pause); });
    wake = null;
  }
}

/** One connection, to its end; why it ended. */
async function once() {
  const stop = new AbortController();
  current = stop;
  let silence = setTimeout(() => stop.abort(), SILENCE);
  try {
    const answer = await authorized("live", { signal: stop.signal, headers: { Accept: "text/event-stream" }, cache: "no-store" });
    if (!answer) return { token: true };
    if (!answer.ok) {
      const problem = await answer.json().catch(() => null);
      return problem?.detail ?? `it answers ${answer.status}`;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = lines();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "it ended the connection";
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), SILENCE);
      if (parser(value) && !link.live) say(true, "", 0);
    }
  } finally {
    clearTimeout(silence);
    if (current === stop) current = null;
    stop.abort();
  }
}

/** Reads text/event-stream piece by piece; true when the piece completed a message. */
function lines() {
  let pieces = [];
  return (piece) => {
    let heard = false;
    for (;;) {
      // An end may lie across two pieces.
      const tail = pieces.length ? pieces.at(-1).slice(-1) : "";
      const end = (tail + piece).indexOf("\n\n");
      if (end < 0) break;
      const at = end + 2 - tail.length;
      pieces.push(piece.slice(0, at));
      heard = message(pieces.join("")) || heard;
      pieces = [];
      piece = piece.slice(at);
    }
    if (piece) pieces.push(piece);
    return heard;
  };
}

function message(block) {
  let [event, data] = ["message", ""];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) event = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (!data) return false;
  receive(event, data);
  return event !== "events" || store.heard > 0;
}

// A page that was put to sleep looks at once when it wakes.
addEventListener("online", again);
document.addEventListener("visibilitychange", () => { if (!document.hidden && !link.live) again(); });
