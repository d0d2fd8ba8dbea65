// Why does one backend stand where it stands? The gateway's own explanation, with what can be ordered, its charts and its history.

import { $, el, symbol, text } from "./dom.js";
import { both, moment, period, rate, shape, share, span, words } from "./format.js";
import { drawLatency, drawRate, forgetSize } from "./chart.js";
import { onChange, store } from "./store.js";
import { onSeries, series } from "./series.js";
import { document_of } from "./token.js";
import { ACTIONS, askOrder } from "./orders.js";

/** It is asked for anew when its row changes, and while it is open this often, since probes go on. */
const AGAIN = 3_000;

let open = null;
let asked = 0;
let closers = [];
/** Called when the explanation closes. */
export const onClose = (listener) => closers.push(listener);

export const isOpen = () => open !== null;
export const opened = () => open?.id ?? 0;

export function explain(row, focus = true) {
  const box = $("details");
  if (open?.id !== row.id) {
    open = { id: row.id, pool: row.pool, address: row.address };
    box.replaceChildren(skeleton(row));
    box.scrollTop = 0;
    document.querySelector(".room").classList.add("wide");
    box.hidden = false;
    ask();
  }
  paint();
  if (focus) box.querySelector(".close").focus({ preventScroll: true });
}

export function close() {
  if (!open) return;
  open = null;
  $("details").hidden = true;
  $("details").replaceChildren();
  document.querySelector(".room").classList.remove("wide");
  closers.forEach((listener) => listener());
}

function skeleton(row) {
  const made = document.createDocumentFragment();
  const standing = el("p", { class: "now" });
  made.append(
    el("header", {}, el("h2", { id: "details-title" }, row.address), standing,
      el("button", { type: "button", class: "close", "aria-label": "Close the explanation (Esc)", title: "Close (Esc)", onclick: close }, "✕")),
    el("div", { class: "acts", role: "group", "aria-label": "Orders" },
      ...Object.entries(ACTIONS).map(([action, { word }]) =>
        el("button", { type: "button", "data-action": action, onclick: () => open && askOrder(action, store.rows.get(open.id)) }, word))),
    el("div", { class: "explanation" }),
    el("h3", {}, "Traffic, fifteen minutes"),
    el("div", { class: "big" },
      el("div", {}, el("span", {}, "requests per second, what failed in red"), el("b", { class: "rate" })), el("canvas", { "aria-hidden": "true" }),
      el("div", {}, el("span", {}, "p50 and p99"), el("b", { class: "late" })), el("canvas", { "aria-hidden": "true" })),
    el("div", { class: "evidence" }),
  );
  return made;
}

/** What the row says: at once. */
function paint() {
  const row = open && store.rows.get(open.id);
  const box = $("details");
  if (!row) {
    if (open) text(box.querySelector(".now"), "It has left the pool.");
    return;
  }
  const form = shape(row.standing);
  const standing = box.querySelector(".now");
  const key = `${row.standing} ${row.pool}`;
  if (standing.key !== key) {
    standing.key = key;
    standing.replaceChildren(symbol(form), el("b", { class: `s-${form}` }, words(row.standing)), ` · ${row.pool} · since ${moment(row.since)}`);
    standing.firstChild.setAttribute("class", `s-${form}`);
  }
  text(box.querySelector("b.rate"), `${rate(row.rate)}/s · ${share(row.errors)} failed`);
  text(box.querySelector("b.late"), both(row.p50, row.p99));
  for (const button of box.querySelectorAll(".acts button")) {
    button.hidden = !ACTIONS[button.dataset.action].fits(row);
  }
}

function charts() {
  if (!open || !store.rows.has(open.id)) return;
  const [rates, lates] = $("details").querySelectorAll("canvas");
  const known = series(open.id);
  drawRate(rates, known);
  drawLatency(lates, known);
}

async function ask() {
  const about = open;
  asked = Date.now();
  const path = `upstreams/${encodeURIComponent(about.pool)}/backends/${encodeURIComponent(about.address)}/explain?format=json`;
  const answer = await document_of(path).catch(() => null);
  if (open !== about || !answer) return;
  const box = $("details");
  if (!answer.ok) {
    box.querySelector(".explanation").replaceChildren(el("p", { class: "refused" }, answer.body?.detail ?? "It could not be explained."));
    return;
  }
  const key = JSON.stringify([answer.body.rule, answer.body.to_return, answer.body.to_leave, answer.body.remarks, answer.body.backend.why]);
  const explanation = box.querySelector(".explanation");
  if (explanation.key !== key) {
    explanation.key = key;
    explanation.replaceChildren(...explanation_of(answer.body));
  }
  box.querySelector(".evidence").replaceChildren(...evidence_of(answer.body));
  charts();
}

const list = (title, sentences) =>
  sentences?.length ? [el("h3", {}, title), el("ul", {}, ...sentences.map((sentence) => el("li", {}, sentence)))] : [];

function explanation_of({ rule, to_return, to_leave, remarks, backend }) {
  return [
    el("h3", {}, "Why"),
    el("p", { class: "says" }, backend.why),
    el("p", { class: "muted" }, rule.says),
    ...list("To return, all of this", to_return),
    ...list("To leave, any of this", to_leave),
    ...list("Worth knowing", [...remarks, ...(backend.notes ?? [])]),
  ];
}

function evidence_of({ pool, in_force, probes, traffic, return_on_schedule, backend }) {
  const facts = [];
  const fact = (name, value) => value && facts.push(el("dt", {}, name), el("dd", {}, value));
  if (return_on_schedule) fact("Back by schedule", `in ${span(return_on_schedule.in_ms)}`);
  if (backend.order) {
    const until = backend.order.until ? `, ${span(backend.order.until.in_ms)} left` : ", until it is taken back";
    fact("Order", `${backend.order.what} by ${backend.order.by}${until}${backend.order.reason ? `: ${backend.order.reason}` : ""}`);
  }
  fact("Counter", backend.counter);
  const readiness = in_force.readiness;
  if (readiness) {
    fact("Readiness", `${readiness.check}, every ${period(readiness.period_ms)}; ${readiness.success_threshold} passes up, ${readiness.failure_threshold} failures down`);
  }
  fact("Window", `${traffic.successes_in_window} succeeded, ${traffic.failures_in_window} failed, ${traffic.failures_in_a_row} in a row`);
  fact("Pool", `${pool.eligible} of ${pool.backends} eligible, ${pool.must_stay_fit} must stay fit`);
  fact("Weight", backend.weight === backend.configured_weight ? String(backend.weight) : `${backend.weight}, configured ${backend.configured_weight}`);
  return [
    el("h3", {}, "In force"), el("dl", { class: "facts" }, ...facts),
    ...(probes.length ? [el("h3", {}, "Last probes"), el("ul", { class: "past" }, ...probes.slice(0, 5).map(probe))] : []),
    el("h3", {}, "History"),
    el("ul", { class: "past" }, ...backend.history.map((entry) =>
      el("li", {}, el("time", { datetime: entry.at, title: entry.at }, moment(Date.parse(entry.at))),
        el("div", {}, entry.message.replace(" -> ", " → "), el("span", { class: "id" }, `${entry.event}  ${entry.event_id}`))))),
  ];
}

function probe({ at, passed, text: said, took_ms }) {
  return el("li", {}, el("time", { datetime: at }, moment(Date.parse(at))),
    el("div", {}, el("b", { class: passed ? "passed" : "failed" }, passed ? "passed" : "failed"), ` in ${took_ms} ms: ${said}`));
}

export function start() {
  onChange((changed) => {
    if (!open) return;
    if (changed.whole) {
      // Numbers of rows are those of one connection.
      const same = [...store.rows.values()].find((row) => row.pool === open.pool && row.address === open.address);
      if (!same) return close();
      open.id = same.id;
    }
    paint();
    if (changed.whole || changed.rows.includes(open.id) || Date.now() - asked > AGAIN) ask();
  });
  onSeries(charts);
  new ResizeObserver(() => {
    $("details").querySelectorAll("canvas").forEach(forgetSize);
    charts();
  }).observe($("details"));
}

export const redraw = charts;
