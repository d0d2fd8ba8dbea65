// Everything by keyboard. Letters mean nothing while one writes, and nothing while a dialog asks.

import { $ } from "./dom.js";
import * as list from "./list.js";
import * as details from "./details.js";
import { askOrder } from "./orders.js";
import { nextTheme } from "./theme.js";

const writes = (element) => element.matches?.("input, select, textarea");

function walk(index) {
  list.moveTo(index);
  const row = list.activeRow();
  if (details.isOpen() && row) {
    list.choose(row.id);
    details.explain(row, false);
  }
}

const steps = {
  ArrowDown: 1, ArrowUp: -1, j: 1, k: -1,
};

const letters = {
  "/": () => { $("filter").focus(); $("filter").select(); },
  "?": () => $("help").showModal(),
  t: list.toggleTrouble,
  T: nextTheme,
  d: () => askOrder("drain", about()),
  u: () => askOrder("undrain", about()),
  r: () => askOrder("release", about()),
};

/** The backend that a letter is about: the one that is explained where the explanation has the focus, else where one is in the list. */
function about() {
  return list.activeRow();
}

function escape(event) {
  if (event.target === $("filter")) {
    if ($("filter").value) list.setFilter("");
    else $("list").focus();
  } else if (details.isOpen()) {
    details.close();
    $("list").focus();
  }
}

function inList(event) {
  const moves = {
    Home: () => walk(0), End: () => walk(list.last()),
    PageDown: () => walk(list.position() + list.page()), PageUp: () => walk(list.position() - list.page()),
    Enter: () => list.enter(), " ": () => list.enter(),
  };
  const move = moves[event.key];
  if (!move) return false;
  move();
  return true;
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escape(event);
  if (writes(event.target)) {
    if (event.target === $("filter") && (event.key === "Enter" || event.key === "ArrowDown")) {
      event.preventDefault();
      $("list").focus();
    }
    return;
  }
  const own = document.activeElement === $("list");
  const scrolls = event.key.startsWith("Arrow") && !own;
  if (steps[event.key] && !scrolls) {
    event.preventDefault();
    if (!own && !details.isOpen()) $("list").focus();
    walk(list.position() + steps[event.key]);
  } else if (own && inList(event)) {
    event.preventDefault();
  } else if (letters[event.key]) {
    event.preventDefault();
    letters[event.key]();
  }
}

export function start() {
  document.addEventListener("keydown", pressed);
  $("keys").addEventListener("click", () => $("help").showModal());
  $("help-close").addEventListener("click", () => $("help").close());
}
