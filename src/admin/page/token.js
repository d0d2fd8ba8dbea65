// Who are we, where tokens are asked for? The token lives in this page, or with this tab; it is sent as Authorization and nowhere else.

import { $ } from "./dom.js";

const KEY = "pulsegate.token";
let token = sessionStorage.getItem(KEY) ?? "";
let asking = null;

/** Fetches with the token; asks for one where it is missing or wrong. `null`: one was given, try again. */
export async function authorized(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { ...options, headers, credentials: "omit", redirect: "error" });
  if (answer.status !== 401) return answer;
  const problem = await answer.json().catch(() => null);
  await ask(token ? (problem?.detail ?? "This token is not known.") : "");
  return null;
}

/** Fetches a document, as often as a token is asked for. */
export async function document_of(path, options) {
  for (;;) {
    const answer = await authorized(path, options);
    if (answer) return { ok: answer.ok, status: answer.status, body: await answer.json().catch(() => null) };
  }
}

function ask(why) {
  asking ??= new Promise((done) => {
    const dialog = $("token");
    $("token-why").textContent = why;
    $("token-why").hidden = !why;
    $("token-text").value = "";
    const keepOpen = (event) => event.preventDefault();
    const given = (event) => {
      event.preventDefault();
      token = $("token-text").value.trim();
      if (!token) return;
      if ($("token-keep").checked) sessionStorage.setItem(KEY, token);
      else sessionStorage.removeItem(KEY);
      $("token-form").removeEventListener("submit", given);
      dialog.removeEventListener("cancel", keepOpen);
      dialog.close();
      asking = null;
      done();
    };
    $("token-form").addEventListener("submit", given);
    dialog.addEventListener("cancel", keepOpen);
    if (!dialog.open) dialog.showModal();
    $("token-text").focus();
  });
  return asking;
}
