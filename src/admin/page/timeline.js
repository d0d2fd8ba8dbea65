// What happened, newest first, of all pools. As many entries as the store keeps, and no more.

import { $, el, speak } from "./dom.js";
import { moment } from "./format.js";
import { onChange, row, store } from "./store.js";

let openers = [];
/** Called with the row that an entry is about. */
export const onPick = (listener) => openers.push(listener);

function entry(event, fresh) {
  const about = [event.upstream, event.backend].filter(Boolean).join(" / ");
  const item = el("li", { class: `${event.level ?? ""}${fresh ? " fresh" : ""}`, "data-goto": event.backend ? "" : null, "data-id": event.id || null },
    el("time", { datetime: new Date(event.at).toISOString(), title: new Date(event.at).toISOString() }, moment(event.at)),
    el("div", {},
      about ? el("div", { class: "about" }, about) : null,
      el("div", { class: "said" }, event.message.replace(" -> ", " → ")),
      el("div", { class: "id" }, [event.event, event.id].filter(Boolean).join("  ")),
    ));
  item.about = event;
  return item;
}

export function start() {
  const list = $("timeline");
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    const found = item?.about.backend && row(item.about.upstream, item.about.backend);
    if (found && !String(getSelection())) openers.forEach((open) => open(found));
  });
  onChange((changed) => {
    if (changed.whole) {
      list.replaceChildren(...store.timeline.map((event) => entry(event, false)));
    } else if (changed.events?.length) {
      list.prepend(...changed.events.map((event) => entry(event, true)));
      while (list.childElementCount > store.timeline.length) list.lastElementChild.remove();
      for (const event of changed.events.slice().reverse()) {
        if (event.level !== "INFO" || event.event === "backend.transition") {
          speak([event.backend ?? event.upstream, event.message].filter(Boolean).join(": "));
        }
      }
    }
  });
}
