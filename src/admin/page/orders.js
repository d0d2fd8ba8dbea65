// Orders: each is confirmed, says beforehand what it will do, and afterwards what came of it.

import { $, toast } from "./dom.js";
import { words } from "./format.js";
import { steered, store } from "./store.js";
import { document_of } from "./token.js";

const takes = (row) => row.eligible;

/** The orders there are; `fits` says where one is offered. */
export const ACTIONS = {
  drain: {
    word: "Drain", fits: (row) => row.order?.what !== "drain" && !row.order,
    says: "New requests go elsewhere, and what is in flight finishes. It is set aside: it does not count as missing.", leaves: true, lasts: true,
  },
  undrain: { word: "Undrain", fits: (row) => row.order?.what === "drain", says: "The drain is taken back. Its probes and its traffic decide again." },
  "force-down": {
    word: "Force down", fits: (row) => row.order?.what !== "force-down", danger: true,
    says: "It gets no new traffic, whatever its probes say, until the order is over.", leaves: true, lasts: true,
  },
  "force-up": {
    word: "Force up", fits: (row) => row.order?.what !== "force-up", danger: true,
    says: "It gets traffic whatever its probes and its traffic say, until the order is over. Clients meet its failures.", lasts: true,
  },
  release: { word: "Release", fits: (row) => Boolean(row.order) || row.weight !== row.configured_weight, says: "Whatever is ordered about it is taken back. Its probes and its traffic decide again." },
};

let pending = null;

function warning(action, row) {
  if (!ACTIONS[action].leaves || !takes(row)) return "";
  const left = [...store.rows.values()].filter((one) => one.pool === row.pool && one.id !== row.id && takes(one)).length;
  if (left === 0) return `Nobody else in ${row.pool} is eligible: its requests will be refused.`;
  return left === 1 ? `One backend of ${row.pool} is left to take its traffic.` : "";
}

export function askOrder(action, row) {
  const order = ACTIONS[action];
  if (!row || !order) return;
  if (!order.fits(row)) {
    toast(`${order.word} does not apply to ${row.address}: ${row.order ? `the order in force is ${row.order.what} by ${row.order.by}` : "no order is in force"}.`);
    return;
  }
  pending = { action, pool: row.pool, address: row.address };
  $("order-title").textContent = `${order.word} ${row.address} of ${row.pool}?`;
  $("order-says").textContent = order.says;
  const warns = warning(action, row);
  $("order-warns").textContent = warns;
  $("order-warns").hidden = !warns;
  $("order-lasts-label").hidden = !order.lasts;
  $("order-lasts").value = "";
  $("order-reason").value = "";
  $("order-refused").hidden = true;
  $("order-go").textContent = order.word;
  $("order-go").disabled = false;
  $("order-go").classList.toggle("danger", Boolean(order.danger || warns.startsWith("Nobody")));
  $("order").showModal();
  $("order-reason").focus();
}

async function give(event) {
  event.preventDefault();
  const { action, pool, address } = pending;
  const wish = {};
  if (ACTIONS[action].lasts && $("order-lasts").value) wish.for = $("order-lasts").value;
  if ($("order-reason").value.trim()) wish.reason = $("order-reason").value.trim();
  $("order-go").disabled = true;
  const path = `upstreams/${encodeURIComponent(pool)}/backends/${encodeURIComponent(address)}/${action}`;
  const answer = await document_of(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish),
  }).catch(() => null);
  $("order-go").disabled = false;
  if (answer?.ok) {
    steered(pool, address, answer.body.backend);
    $("order").close();
    toast(`${ACTIONS[action].word}: ${address} is ${words(answer.body.backend.standing)} now.`);
    return;
  }
  $("order-refused").textContent = refusal(answer);
  $("order-refused").hidden = false;
}

function refusal(answer) {
  if (!answer) return "The gateway cannot be reached; whether the order arrived is not known. The history of the backend says.";
  const said = [answer.body?.title, answer.body?.detail].filter(Boolean).join(": ") || `it answers ${answer.status}`;
  const known = answer.body?.known?.length ? ` (${answer.body.known.join(", ")})` : "";
  return answer.status === 403 ? `This may only look, not change. ${said}` : `Refused. ${said}${known}`;
}

export function start() {
  $("order-form").addEventListener("submit", give);
  $("order-cancel").addEventListener("click", () => $("order").close());
}
