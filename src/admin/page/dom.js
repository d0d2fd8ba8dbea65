// Elements, and texts put into them. Whatever comes from the network goes through textContent only.

const byId = new Map();

/** The element of this id; every one that is asked for is in index.html. */
export function $(id) {
  let found = byId.get(id);
  if (!found) byId.set(id, (found = document.getElementById(id)));
  return found;
}

/** An element with attributes, then children: elements or texts. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** One of the symbols of index.html. */
export function symbol(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

/** Changes a text only where it differs: nothing is laid out anew for what is the same. */
export function text(element, value) {
  if (element.shown !== value) {
    element.shown = value;
    element.textContent = value;
  }
}

export function attribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

let toasting = 0;

/** A sentence that goes by itself. */
export function toast(sentence) {
  const box = $("toast");
  box.textContent = sentence;
  box.hidden = false;
  clearTimeout(toasting);
  toasting = setTimeout(() => (box.hidden = true), 6000);
}

let spoken = 0;
let waiting = [];

/** Tells those who listen instead of looking: at most every two seconds, and of many only how many there are. */
export function speak(sentence) {
  waiting.push(sentence);
  if (spoken) return;
  spoken = setTimeout(() => {
    $("spoken").textContent = waiting.length > 3 ? `${waiting.length} changes; the last: ${waiting.at(-1)}` : waiting.join(". ");
    waiting = [];
    spoken = 0;
  }, 2000);
}
