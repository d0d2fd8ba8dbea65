// How figures, spans and standings are written: short, and in columns that do not move.

/** 0, 0.42, 8.4, 84, 1 240, 12.4k */
export function rate(figure) {
  if (!figure) return "0";
  if (figure < 0.995) return figure.toFixed(2);
  if (figure < 99.5) return figure.toFixed(1);
  if (figure < 9_999.5) return Math.round(figure).toLocaleString("en").replace(",", "\u2009");
  return `${(figure / 1e3).toFixed(1)}k`;
}

/** A share as "0 %", "0.4 %", "37 %"; never 0 for something. */
export function share(figure) {
  if (!figure) return "0\u2009%";
  const percent = figure * 100;
  if (percent < 0.1) return "<0.1\u2009%";
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)}\u2009%`;
}

/** Milliseconds without their unit below a second, else with it: "4.1", "38", "1.2 s". */
export function millis(figure) {
  if (figure === null || figure === undefined) return "–";
  if (figure < 9.95) return figure.toFixed(1);
  if (figure < 999.5) return String(Math.round(figure));
  return `${(figure / 1e3).toFixed(figure < 9_950 ? 1 : 0)}\u2009s`;
}

export function both(p50, p99) {
  if (p50 === null || p50 === undefined) return "–";
  const [one, other] = [millis(p50), millis(p99)];
  return other.endsWith("s") ? `${one} / ${other}` : `${one} / ${other} ms`;
}

/** "8 s", "12 min", "3 h 20 min", "4 d" */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 && hours < 96 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

/** As it is configured: "500 ms", "2 s". */
export const period = (ms) => (ms < 1000 ? `${ms} ms` : span(ms));

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** The time of today, else the date; where the reader is. */
export function moment(ms, now = Date.now()) {
  const date = new Date(ms);
  return new Date(now).toDateString() === date.toDateString() ? clock.format(date) : day.format(date);
}

const shapes = {
  up: "fit", forced_up: "fit",
  ramping: "partly", degraded: "partly", trial: "partly",
  down: "out", not_ready: "out", ejected: "out", not_alive: "out",
  drained: "held", draining: "held", forced_down: "held",
};

/** Which of the five shapes a standing has. */
export const shape = (standing) => shapes[standing] ?? "waiting";

/** May it take traffic? */
export const eligible = (standing) => ["up", "forced_up", "ramping", "degraded"].includes(standing);

export const words = (standing) => standing.replaceAll("_", " ");
