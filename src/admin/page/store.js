// What is known, and what follows from a message. It grows with the number of backends and with nothing else.

import { eligible } from "./format.js";

const KEPT = 200;

export const store = {
  process: {},
  pools: [],
  rows: new Map(),
  timeline: [],
  samples: 0,
  period: 5000,
  /** The gateway's clock less ours. */
  ahead: 0,
  /** When the figures were made, by our clock; 0 before the first. */
  heard: 0,
};

const listeners = [];

/** `changed` says what: { whole, rows, members, figures, events, sampled }. */
export const onChange = (listener) => listeners.push(listener);

const tell = (changed) => listeners.forEach((listener) => listener(changed));

export const now = () => Date.now() + store.ahead;

export function row(pool, address) {
  for (const one of store.rows.values()) if (one.address === address && one.pool === pool) return one;
  return null;
}

/** Sorts as people would: numbers by their size. */
const order = (address) => address.replace(/\d+/g, (digits) => digits.padStart(12, "0"));

const idle = { flight: 0, rate: 0, errors: 0, p50: null, p99: null };

function take(raw) {
  const before = store.rows.get(raw.id);
  const key = before?.address === raw.address ? before.key : order(raw.address);
  const search = `${raw.pool} ${raw.address} ${raw.standing} ${raw.standing.replaceAll("_", " ")} ${raw.why} ${raw.order?.what ?? ""}`;
  const news = before && before.standing !== raw.standing ? Date.now() : (before?.news ?? 0);
  store.rows.set(raw.id, { ...idle, ...before, ...raw, key, search: search.toLowerCase(), news });
}

function figure([id, flight, rate, errors, p50, p99]) {
  const one = store.rows.get(id);
  if (one) Object.assign(one, { flight, rate, errors, p50, p99 });
}

function timed(message) {
  store.ahead = message.now - Date.now();
}

function sampled(message) {
  const sampled = message.samples !== store.samples;
  store.samples = message.samples;
  store.heard = Date.now();
  return sampled;
}

const messages = {
  state(message) {
    timed(message);
    store.rows.clear();
    store.pools = message.pools;
    store.process = message.process;
    store.period = message.period_ms;
    message.rows.forEach(take);
    message.figures.forEach(figure);
    store.timeline = message.timeline.reverse().slice(0, KEPT);
    sampled(message);
    tell({ whole: true, rows: [...store.rows.keys()], members: true, figures: true, events: [] });
  },

  delta(message) {
    timed(message);
    if (message.process) store.process = message.process;
    if (message.pools) store.pools = message.pools;
    const rows = message.rows ?? [];
    const members = Boolean(message.pools || message.gone || rows.some((raw) => !store.rows.has(raw.id)));
    rows.forEach(take);
    message.gone?.forEach((id) => store.rows.delete(id));
    message.figures?.forEach(figure);
    const sampledNow = sampled(message);
    tell({ rows: rows.map((raw) => raw.id), members, figures: Boolean(message.figures), sampled: sampledNow, process: Boolean(message.process) });
  },

  events(message) {
    timed(message);
    const events = message.events.slice().reverse();
    if (message.missed) {
      const note = `${message.missed} more events than can be shown came at once; the log has them`;
      events.push({ id: "", at: message.now, event: "missed", level: "WARN", message: note, details: {} });
    }
    const known = new Set(store.timeline.map((one) => one.id));
    const fresh = events.filter((one) => !one.id || !known.has(one.id));
    store.timeline = fresh.concat(store.timeline).slice(0, KEPT);
    tell({ rows: moved(fresh), members: false, events: fresh });
  },
};

/** A transition is in its row at once, before the next delta says the rest. */
function moved(events) {
  const ids = [];
  for (const event of events.slice().reverse()) {
    if (event.event !== "backend.transition") continue;
    const found = row(event.upstream, event.backend);
    if (!found) continue;
    const standing = event.details.to;
    const counter = event.details.counter?.split("/").map(Number) ?? found.counter;
    const why = event.message.replace(/^\S+ -> \S+: /, "");
    take({ ...found, standing, eligible: eligible(standing), why, since: event.at, counter: found.counter && counter });
    ids.push(found.id);
  }
  return ids;
}

/** What the answer to an order says: it is known before the stream tells it. */
export function steered(pool, address, backend) {
  const found = row(pool, address);
  if (!found) return;
  const { order, standing, eligible, why } = backend;
  const until = order?.until ? Date.parse(order.until.at) : null;
  take({ ...found, standing, eligible, why, order: order && { ...order, until } });
  tell({ rows: [found.id], members: false });
}

/** Takes one message of the stream. */
export function receive(event, data) {
  messages[event]?.(JSON.parse(data));
}
