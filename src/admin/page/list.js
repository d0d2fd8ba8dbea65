// The backends, pool by pool. Only the rows in sight exist: ten thousand cost as much as forty.

import { $, attribute, el, symbol, text } from "./dom.js";
import { both, rate, shape, share, span, words } from "./format.js";
import { drawLatency, drawRate, forgetColours, forgetSize } from "./chart.js";
import { now, onChange, store } from "./store.js";
import { onSeries, series } from "./series.js";

const BEYOND = 4;
const view = { filter: "", trouble: false, folded: new Set(), items: [], tops: [], height: 0, active: 0, activeKey: "", chosen: 0 };
const heights = { row: 56, pool: 62 };
const phone = matchMedia("(max-width: 820px)");
/** Nodes by what they show now, and spare ones. */
const shown = new Map();
const spare = { row: [], pool: [] };
let due = 0;
let stale = true;
let openers = [];

/** Called with a row that is to be explained. */
export const onOpen = (listener) => openers.push(listener);

export const active = () => view.items[view.active] ?? null;
export const activeRow = () => (active()?.kind === "row" ? store.rows.get(active().id) ?? null : null);

// What is listed, in which order

const troubled = (row) => shape(row.standing) !== "fit" || row.errors > 0;

function rebuild() {
  stale = false;
  const terms = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const pools = new Map(store.pools.map((name) => [name, { name, all: [], listed: [] }]));
  for (const row of store.rows.values()) {
    const pool = pools.get(row.pool);
    if (!pool) continue;
    pool.all.push(row);
    if (terms.every((term) => row.search.includes(term)) && (!view.trouble || troubled(row))) pool.listed.push(row);
  }
  const items = [];
  let listed = 0;
  for (const pool of pools.values()) {
    if ((terms.length || view.trouble) && !pool.listed.length) continue;
    items.push({ kind: "pool", key: `pool ${pool.name}`, pool });
    listed += pool.listed.length;
    if (view.folded.has(pool.name)) continue;
    pool.listed.sort((one, other) => (one.key < other.key ? -1 : 1));
    for (const row of pool.listed) items.push({ kind: "row", key: `row ${row.id}`, id: row.id });
  }
  view.items = items;
  view.tops = [];
  view.height = 0;
  for (const item of items) {
    view.tops.push(view.height);
    view.height += heights[item.kind];
  }
  const again = items.findIndex((item) => item.key === view.activeKey);
  view.active = again >= 0 ? again : Math.max(0, Math.min(view.active, items.length - 1));
  $("rows").style.height = `${view.height}px`;
  attribute($("list"), "aria-rowcount", String(items.length));
  text($("shown"), listed === store.rows.size ? `${listed} backends` : `${listed} of ${store.rows.size} backends`);
  $("nothing").hidden = items.length > 0 || !store.heard;
  text($("nothing"), store.pools.length ? "Nothing matches. Esc clears the filter." : "No upstreams are configured: there is nothing to balance.");
}

// Nodes

function newRow() {
  const node = el("div", { class: "row", role: "row" });
  const cell = (name, ...children) => {
    const made = el("div", { class: name, role: "gridcell" }, ...children);
    node.append(made);
    return made;
  };
  const icon = symbol("fit");
  const [address, tags, why] = [el("b"), el("span"), el("div", { class: "why" })];
  cell("who", icon, el("div", { class: "name" }, address, tags), why);
  const [standing, since] = [el("b"), el("span")];
  cell("standing", standing, since);
  const counter = cell("counter n quiet");
  const [portion, bar] = [el("span"), el("i")];
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, bar);
  cell("share n", portion, meter);
  const flight = cell("flight n");
  const [rates, perSecond] = [el("canvas", { "aria-hidden": "true" }), el("span")];
  cell("rate figure", rates, perSecond);
  const errors = cell("errors n");
  const [lates, late] = [el("canvas", { "aria-hidden": "true" }), el("span")];
  cell("late figure", lates, late);
  node.parts = { icon, address, tags, why, standing, since, counter, portion, meter, bar, flight, rates, perSecond, errors, lates, late };
  return node;
}

function newPool() {
  const parts = { name: el("h2"), bits: el("span", { class: "bits", "aria-hidden": "true" }), count: el("span", { class: "count" }), sum: el("span", { class: "sum" }) };
  const node = el("div", { class: "pool", role: "row" });
  node.append(el("div", { role: "gridcell", "aria-colspan": "8", class: "unseen" }), symbol("chevron"), parts.name, parts.bits, parts.count, parts.sum);
  node.parts = { ...parts, spoken: node.firstChild };
  return node;
}

function bindRow(node, item, fresh) {
  const row = store.rows.get(item.id);
  if (!row) return;
  const { parts } = node;
  const form = shape(row.standing);
  if (node.form !== form) {
    node.form = form;
    parts.icon.firstChild.setAttribute("href", `#${form}`);
    parts.icon.setAttribute("class", `s-${form}`);
    parts.standing.className = `s-${form}`;
  }
  text(parts.address, row.address);
  bindTags(parts.tags, row);
  text(parts.why, row.why);
  attribute(parts.why, "title", row.why);
  text(parts.standing, words(row.standing));
  text(parts.since, since(row));
  text(parts.counter, row.counter ? row.counter.join("/") : "–");
  text(parts.portion, row.share > 0 ? share(row.share) : "–");
  parts.portion.className = row.share === 1 || row.share === 0 ? "quiet" : "";
  parts.meter.hidden = !(row.share > 0 && row.share < 1);
  if (!parts.meter.hidden) parts.bar.style.transform = `scaleX(${row.share})`;
  text(parts.flight, String(row.flight));
  text(parts.perSecond, rate(row.rate));
  text(parts.errors, row.rate ? share(row.errors) : "–");
  parts.errors.className = `errors n ${row.errors > 0 ? "alarm" : "quiet"}`;
  text(parts.late, both(row.p50, row.p99));
  node.classList.toggle("chosen", view.chosen === row.id);
  node.classList.toggle("news", Date.now() - row.news < 2_400);
  attribute(node, "aria-selected", String(view.chosen === row.id));
  if (fresh || node.drawn !== drawing) draw(node, item.id);
}

function bindTags(box, row) {
  const tags = [];
  if (row.order) tags.push(`${row.order.what} by ${row.order.by}`);
  if (row.backup) tags.push("backup");
  if (row.weight !== row.configured_weight) tags.push(`weight ${row.weight} of ${row.configured_weight}`);
  const key = tags.join("|");
  if (box.shown === key) return;
  box.shown = key;
  box.replaceChildren(...tags.map((tag) => el("span", { class: "tag" }, tag)));
}

function since(row) {
  const left = row.returns ? row.returns - now() : 0;
  const stood = `for ${span(now() - row.since)}`;
  // A moment that is always about to come says nothing.
  return left > 2_500 ? `${stood}, ${span(left)} left` : stood;
}

/** Grows with every change of any chart. */
let drawing = 1;

function draw(node, id) {
  node.drawn = drawing;
  const known = series(id);
  drawRate(node.parts.rates, known);
  drawLatency(node.parts.lates, known);
}

const outside = new Set(["drained", "draining", "unchecked", "starting"]);

function bindPool(node, { pool }) {
  const counts = { fit: 0, partly: 0, out: 0, held: 0, waiting: 0 };
  let [eligible, aside, requests, failed, flight] = [0, 0, 0, 0, 0];
  for (const { id } of pool.all) {
    const row = store.rows.get(id);
    if (!row) continue;
    counts[shape(row.standing)] += 1;
    eligible += row.eligible ? 1 : 0;
    aside += outside.has(row.standing) ? 1 : 0;
    requests += row.rate;
    failed += row.rate * row.errors;
    flight += row.flight;
  }
  const { parts } = node;
  const total = pool.all.length;
  const rest = aside ? `, ${aside} set aside` : "";
  text(parts.name, pool.name);
  const key = Object.values(counts).join();
  if (parts.bits.shown !== key) {
    parts.bits.shown = key;
    parts.bits.replaceChildren(...Object.entries(counts).filter(([, count]) => count).map(([form, count]) => {
      const bit = el("i", { class: `s-${form}` });
      bit.style.flexGrow = count;
      return bit;
    }));
  }
  const counted = `${eligible}/${total}`;
  if (parts.count.shown !== counted + rest) {
    parts.count.shown = counted + rest;
    parts.count.replaceChildren(el("b", { class: total && !eligible ? "alarm" : "" }, counted), ` eligible${rest}`);
  }
  const figures = `${rate(requests)} requests/s · ${share(requests ? failed / requests : 0)} errors · ${flight} in flight`;
  text(parts.sum, total ? figures : "no backends");
  text(parts.spoken, `${pool.name}: ${counted} eligible${rest}`);
  node.classList.toggle("folded", view.folded.has(pool.name));
  attribute(node, "aria-expanded", String(!view.folded.has(pool.name)));
}

// What is in sight

function first(offset) {
  let [low, high] = [0, view.tops.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (view.tops[middle] <= offset) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

function render() {
  due = 0;
  if (stale) rebuild();
  const list = $("list");
  const from = Math.max(0, first(list.scrollTop) - BEYOND);
  const to = Math.min(view.items.length, first(list.scrollTop + list.clientHeight) + 1 + BEYOND);
  const wanted = new Set();
  for (let index = from; index < to; index += 1) wanted.add(view.items[index].key);
  for (const [key, node] of shown) {
    if (wanted.has(key)) continue;
    shown.delete(key);
    node.hidden = true;
    spare[node.kind].push(node);
  }
  for (let index = from; index < to; index += 1) place(index);
  const chosen = view.items[view.active];
  const reachable = chosen && shown.has(chosen.key);
  if (reachable) list.setAttribute("aria-activedescendant", shown.get(chosen.key).id);
  else list.removeAttribute("aria-activedescendant");
}

let numbered = 0;

function place(index) {
  const item = view.items[index];
  let node = shown.get(item.key);
  const fresh = !node;
  if (fresh) {
    node = spare[item.kind].pop() ?? created(item.kind);
    node.hidden = false;
    shown.set(item.key, node);
  }
  node.item = item;
  const top = view.tops[index];
  if (node.top !== top) {
    node.top = top;
    node.style.transform = `translateY(${top}px)`;
  }
  attribute(node, "aria-rowindex", String(index + 1));
  node.classList.toggle("active", index === view.active);
  if (item.kind === "row") bindRow(node, item, fresh);
  else bindPool(node, item);
}

function created(kind) {
  const node = kind === "row" ? newRow() : newPool();
  node.kind = kind;
  node.id = `n${(numbered += 1)}`;
  $("rows").append(node);
  return node;
}

export function schedule() {
  due ||= requestAnimationFrame(render);
}

export function refresh() {
  stale = true;
  schedule();
}

// Where one is

export function moveTo(index) {
  if (!view.items.length) return;
  view.active = Math.max(0, Math.min(index, view.items.length - 1));
  view.activeKey = view.items[view.active].key;
  const list = $("list");
  const [top, height] = [view.tops[view.active], heights[view.items[view.active].kind]];
  if (top < list.scrollTop) list.scrollTop = Math.max(0, top - (view.active && view.items[view.active - 1].kind === "pool" ? heights.pool : 0));
  else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
  schedule();
}

export const position = () => view.active;
export const page = () => Math.max(1, Math.floor($("list").clientHeight / heights.row) - 1);
export const last = () => view.items.length - 1;

/** Folds or unfolds a pool, opens a row. */
export function enter(item = active()) {
  if (item?.kind === "pool") {
    if (!view.folded.delete(item.pool.name)) view.folded.add(item.pool.name);
    refresh();
  } else if (item) {
    openers.forEach((open) => open(store.rows.get(item.id)));
  }
}

/** Marks the row that is explained. */
export function choose(id) {
  view.chosen = id;
  schedule();
}

/** Goes to a row, also one that the filter or a fold hides. */
export function show(id) {
  const row = store.rows.get(id);
  if (!row) return;
  view.folded.delete(row.pool);
  rebuild();
  let index = view.items.findIndex((item) => item.key === `row ${id}`);
  if (index < 0) {
    setFilter("");
    if (view.trouble) toggleTrouble();
    rebuild();
    index = view.items.findIndex((item) => item.key === `row ${id}`);
  }
  moveTo(index);
}

export function setFilter(words) {
  $("filter").value = words;
  view.filter = words;
  $("list").scrollTop = 0;
  refresh();
}

export function toggleTrouble() {
  view.trouble = !view.trouble;
  attribute($("trouble"), "aria-pressed", String(view.trouble));
  refresh();
}

export function redraw() {
  forgetColours();
  drawing += 1;
  schedule();
}

function resize() {
  [heights.row, heights.pool] = phone.matches ? [112, 74] : [56, 62];
  const list = $("list");
  document.documentElement.style.setProperty("--bar", `${list.offsetWidth - list.clientWidth}px`);
  for (const node of [...shown.values(), ...spare.row]) {
    if (node.kind === "row") [node.parts.rates, node.parts.lates].forEach(forgetSize);
  }
  drawing += 1;
  refresh();
}

export function start() {
  const list = $("list");
  list.addEventListener("scroll", schedule, { passive: true });
  list.addEventListener("click", (event) => {
    const node = event.target.closest(".row, .pool");
    if (!node) return;
    view.active = view.items.findIndex((item) => item.key === node.item.key);
    view.activeKey = node.item.key;
    enter(node.item);
    schedule();
  });
  $("filter").addEventListener("input", () => setFilter($("filter").value));
  $("trouble").addEventListener("click", toggleTrouble);
  new ResizeObserver(resize).observe(list);
  onChange((changed) => {
    const listed = changed.rows.length > 0 && (view.filter || view.trouble);
    if (changed.members || listed || (changed.figures && view.trouble)) stale = true;
    if (changed.whole) drawing += 1;
    schedule();
  });
  onSeries((ids) => {
    if (ids) {
      for (const node of shown.values()) if (node.kind === "row" && ids.has(node.item.id)) node.drawn = 0;
    } else {
      drawing += 1;
    }
    schedule();
  });
  setInterval(schedule, 1_000);
}
