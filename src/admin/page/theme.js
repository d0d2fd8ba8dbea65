// Light, dark, or as the system is.

import { $ } from "./dom.js";

const KEY = "pulsegate.theme";
const ORDER = ["system", "light", "dark"];
let listeners = [];
export const onTheme = (listener) => listeners.push(listener);

let theme = "system";

function apply(wanted) {
  theme = ORDER.includes(wanted) ? wanted : "system";
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").lastElementChild.textContent = `Theme: ${theme}`;
  listeners.forEach((listener) => listener());
}

export function nextTheme() {
  apply(ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]);
  try { localStorage.setItem(KEY, theme); } catch { /* a browser that keeps nothing */ }
}

export function start() {
  let kept = null;
  try { kept = localStorage.getItem(KEY); } catch { /* a browser that keeps nothing */ }
  apply(kept);
  $("theme").addEventListener("click", nextTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => listeners.forEach((listener) => listener()));
}
