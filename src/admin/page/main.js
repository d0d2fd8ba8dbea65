// Puts the parts together: what is at the top, and what follows from what.

import { $, attribute, text } from "./dom.js";
import { rate, share, span } from "./format.js";
import { onChange, store } from "./store.js";
import { again, follow, link, onLink } from "./stream.js";
import * as details from "./details.js";
import * as keys from "./keys.js";
import * as list from "./list.js";
import * as orders from "./orders.js";
import * as theme from "./theme.js";
import * as timeline from "./timeline.js";

/** Figures that are older than this are shown as old, also while the connection stands. */
const OLD = 6_000;

function sums() {
  let [eligible, requests, failed, flight] = [0, 0, 0, 0];
  for (const row of store.rows.values()) {
    eligible += row.eligible ? 1 : 0;
    requests += row.rate;
    failed += row.rate * row.errors;
    flight += row.flight;
  }
  const total = store.rows.size;
  text($("sum-eligible"), `${eligible} of ${total}`);
  $("sum-eligible").classList.toggle("alarm", total > 0 && eligible === 0);
  text($("sum-rate"), rate(requests));
  const failing = requests ? failed / requests : 0;
  text($("sum-errors"), share(failing));
  $("sum-errors").classList.toggle("alarm", failing >= 0.01);
  text($("sum-flight"), String(flight));
  const missing = total - eligible;
  const title = missing ? `${missing} out · Pulsegate` : "Pulsegate";
  if (document.title !== title) document.title = title;
  attribute($("icon"), "href", missing ? $("icon").dataset.trouble : $("icon").dataset.calm);
}

function process() {
  const { reload_refused: refused, phase, version } = store.process;
  text($("place"), `${location.host} · ${version}`);
  text($("refused"), refused ? `The last reload was refused, the configuration before it is in force: ${refused}` : "");
  $("refused").hidden = !refused;
  const phases = { leaving: "This gateway is leaving: it takes no new clients.", starting: "This gateway is starting: the first probes are under way." };
  text($("leaving"), phases[phase] ?? "");
  $("leaving").hidden = !phases[phase];
}

/** How old is what one sees, and does it get newer? */
function honesty() {
  const age = store.heard ? Date.now() - store.heard : 0;
  const old = store.heard > 0 && (age > OLD || !link.live);
  const lost = !link.live && (link.why !== "" || store.heard > 0);
  document.body.classList.toggle("stale", old);
  $("lost").hidden = !(lost || old);
  if (!$("lost").hidden) {
    text($("lost-text"), lost ? `Connection lost: ${link.why}.` : "The connection stands, but nothing new comes.");
    const shown = store.heard ? `What you see is ${span(age)} old.` : "Nothing is known yet.";
    const next = lost && link.again > Date.now() ? ` Next try in ${span(link.again - Date.now())}.` : "";
    text($("lost-age"), shown + next);
  }
  $("link").className = `link ${lost || old ? "lost" : link.live ? "live" : ""}`;
  text($("link-text"), lost || old ? "Not live" : link.live ? "Live" : "Connecting");
}

function tabs() {
  for (const tab of ["list", "time"]) {
    $(`tab-${tab}`).addEventListener("click", () => {
      document.querySelector(".room").dataset.tab = tab;
      for (const one of ["list", "time"]) attribute($(`tab-${one}`), "aria-pressed", String(one === tab));
    });
  }
}

function open(row) {
  list.choose(row.id);
  details.explain(row);
}

theme.start();
orders.start();
list.start();
details.start();
timeline.start();
keys.start();
tabs();

theme.onTheme(() => { list.redraw(); details.redraw(); });
list.onOpen(open);
timeline.onPick((row) => { list.show(row.id); open(row); });
details.onClose(() => { list.choose(0); $("list").focus({ preventScroll: true }); });
onChange((changed) => {
  sums();
  if (changed.whole || changed.process) process();
  if (changed.whole && details.isOpen()) list.choose(details.opened());
  honesty();
});
onLink(honesty);
setInterval(honesty, 1_000);
$("retry").addEventListener("click", again);
text($("place"), location.host);
follow();
