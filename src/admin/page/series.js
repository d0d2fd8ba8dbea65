// The last fifteen minutes of those rows that somebody has looked at: fetched once, then continued from the live figures.

import { document_of } from "./token.js";
import { onChange, store } from "./store.js";

export const POINTS = 180;
const ASKED = 100;

const known = new Map();
const wanted = new Set();
let asking = false;
const listeners = [];

/** Called with the ids of rows whose charts changed; `null`: all of them. */
export const onSeries = (listener) => listeners.push(listener);

/** Four rings of one row, newest last; `null` while they are on their way. */
export function series(id) {
  const found = known.get(id);
  if (!found && !wanted.has(id)) {
    wanted.add(id);
    if (!asking) {
      asking = true;
      setTimeout(fetchWanted, 80);
    }
  }
  return found ?? null;
}

function ring(values) {
  const made = new Float32Array(POINTS).fill(NaN);
  const from = Math.max(0, values.length - POINTS);
  values.slice(from).forEach((value, index) => { made[POINTS - (values.length - from) + index] = value ?? NaN; });
  return made;
}

async function fetchWanted() {
  const pools = Map.groupBy([...wanted].map((id) => store.rows.get(id)).filter(Boolean), (row) => row.pool);
  for (const [pool, rows] of pools) {
    for (let from = 0; from < rows.length; from += ASKED) await fetchSome(pool, rows.slice(from, from + ASKED));
  }
  wanted.clear();
  asking = false;
}

async function fetchSome(pool, rows) {
  const query = rows.map((row) => `backend=${encodeURIComponent(row.address)}`).join("&");
  const { ok, body } = await document_of(`upstreams/${encodeURIComponent(pool)}/traffic?${query}`).catch(() => ({ ok: false }));
  if (!ok) return;
  const byAddress = new Map(body.backends.map((one) => [one.address, one]));
  for (const { id, address } of rows) {
    const one = byAddress.get(address);
    if (!one || !store.rows.has(id)) continue;
    known.set(id, {
      rate: ring(one.requests_per_second), errors: ring(one.error_share), p50: ring(one.p50_ms), p99: ring(one.p99_ms),
    });
  }
  listeners.forEach((listener) => listener(new Set(rows.map((row) => row.id))));
}

function push(ring, value) {
  ring.copyWithin(0, 1);
  ring[POINTS - 1] = value ?? NaN;
}

onChange((changed) => {
  if (changed.whole) {
    known.clear();
    listeners.forEach((listener) => listener(null));
    return;
  }
  if (changed.members) for (const id of known.keys()) if (!store.rows.has(id)) known.delete(id);
  if (!changed.sampled) return;
  for (const [id, one] of known) {
    const row = store.rows.get(id);
    push(one.rate, row.rate);
    push(one.errors, row.errors);
    push(one.p50, row.p50);
    push(one.p99, row.p99);
  }
  listeners.forEach((listener) => listener(null));
});
