// What pages do besides leading to others. Everything is bound once, to the document, so that parts may come and go.
"use strict";

// Dialogs

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.value).showModal();
  }
  event.target.closest("[data-closes]")?.closest("dialog").close();
  // A click beside a dialog closes it, but none that began inside, as where a text is selected past the edge.
  if (isPressedBeside && isBeside(event)) event.target.close();
});

let isPressedBeside = false;
document.addEventListener("mousedown", (event) => { isPressedBeside = isBeside(event); });

// What surrounds a dialog is a part of it, as its padding is: only where it was pressed tells.
function isBeside({ target, clientX, clientY }) {
  if (!target.matches("dialog")) return false;
  const { left, right, top, bottom } = target.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}

// One that comes open keeps others from being reached, too. To close it first would discard what stands in it.
function showOpen(root) {
  for (const dialog of root.querySelectorAll("dialog[open]:not(:modal)")) {
    dialog.open = false;
    dialog.showModal();
  }
}

// However one is closed, what was typed is discarded. One that came open holds more than that: it leads where its
// Cancel does. The event does not rise up to the document, but passes it on its way down.
document.addEventListener("close", ({ target }) => {
  const cancel = target.querySelector("a[data-cancels]");
  if (cancel) {
    location.assign(cancel.href);
    return;
  }
  target.querySelector("form").reset();
  target.querySelector("[data-refused]").replaceChildren();
}, true);

// Forms, once each

// What is pressed twice, as on a slow line, would be refused the second time, in place of the answer to the first.
const PATIENCE_MS = 10_000; // then it may be sent again, as by whoever has stopped the browser
const underWay = new Set();

function hold(form) {
  underWay.add(form);
  setTimeout(() => underWay.delete(form), PATIENCE_MS);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  // One that a script sends is prevented already. What a selection leads to is a question, or a file.
  if (event.defaultPrevented || form.method !== "post" || form.matches("[data-selection]")) return;
  if (underWay.has(form)) event.preventDefault();
  else hold(form);
});

// One that htmx sends waits for its answer; but where that leads away, until the other page is there.
document.addEventListener("htmx:beforeOnLoad", ({ detail: { elt, xhr } }) => {
  if (elt.closest("dialog") && xhr.getResponseHeader("HX-Redirect")) hold(elt);
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (underWay.has(event.detail.elt)) event.preventDefault();
});

window.addEventListener("pageshow", () => underWay.clear());

// Searches

// What is too short to be looked for with each key. htmx asks here before it lets go of a request that is under way, as
// that of somebody who typed two characters and pressed Enter at once.
document.addEventListener("htmx:confirm", (event) => {
  const { type, target } = event.detail.triggeringEvent ?? {};
  const typed = type === "input" ? [...target.value.trim()].length : 0;
  if (typed > 0 && typed < target.dataset.least) event.preventDefault();
});

// What is typed up to Enter is one step to go back, and what is asked for again is none.
let wasTyped = false;
document.addEventListener("htmx:beforeHistoryUpdate", ({ detail }) => {
  const isTyped = detail.requestConfig.triggeringEvent?.type === "input";
  const isHere = detail.history.path === location.pathname + location.search;
  if (isHere || wasTyped) detail.history.type = "replace";
  wasTyped = isTyped && !isHere;
});
window.addEventListener("popstate", () => { wasTyped = false; });

document.addEventListener("htmx:afterSettle", ({ target }) => {
  if (target.id !== "results") return;
  document.querySelector("[data-found]").textContent = target.querySelector(".total, .empty")?.textContent ?? "";
});

// Refusals

// What is asked for over and over will be asked for again.
const PASSING = [429, 502, 503, 504];

// A form with a place for the reason stays, to be sent again by its button: what was done is not done again.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, requestConfig: { elt } } = detail;
  const place = elt.querySelector("[data-reason]");
  if (PASSING.includes(xhr.status) && elt.matches("[hx-trigger^=every]")) detail.shouldSwap = false;
  if (!place || xhr.status < 400) return;
  detail.target = place;
  sayStopped(place);
});

// What stands before the server may answer with a page of its own, or with nothing; and what cannot be read as a request
// is refused before anybody knows that a page asked.
function isForPage(xhr) {
  const type = xhr.getResponseHeader("Content-Type") ?? "";
  return xhr.getResponseHeader("X-Request-Id") && !type.startsWith("application/json");
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr } = detail;
  if (xhr.status >= 400 && !isForPage(xhr)) detail.serverResponse = failure(xhr).outerHTML;
});

// What is asked for while a form is filled in has no place of its own for a reason, and nobody sees the one of a dialog
// that was closed meanwhile.
const CLOSED = "dialog:not([open])";
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, target, requestConfig: { elt } } = detail;
  const isUnseen = elt.matches("input") || target.closest(CLOSED);
  if (xhr.status >= 400 && isUnseen) detail.target = document.querySelector("[data-unreached]");
});

// Nor does work that is under way lead to where one signs in, if the session has ended.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { elt, xhr } = event.detail;
  const place = elt.querySelector("[data-stopped]");
  const way = place && xhr.getResponseHeader("HX-Redirect");
  if (!way) return;
  event.preventDefault();
  const link = document.createElement("a");
  link.href = way;
  link.target = "_blank";
  link.textContent = "Sign in again in another tab";
  const ended = refusal("Your session has ended. ");
  ended.append(link, ", then go on here.");
  place.replaceChildren(ended);
  sayStopped(place);
});

function refusal(text) {
  const made = document.createElement("p");
  made.className = "refusal";
  made.role = "alert";
  made.textContent = text;
  return made;
}

const failure = (xhr) => refusal(`It did not work: HTTP ${xhr.status}.`);

// How far work is that has stopped amid its parts.
function sayStopped(place) {
  if (!place.dataset.stopped) return;
  document.getElementById("outcome").textContent = place.dataset.stopped;
  place.closest(".card").querySelector("h1").textContent = "Stopped";
  document.title = "Stopped · Dialbook";
}

// A server that does not answer

const UNREACHED = "The server cannot be reached. What is shown here may be out of date.";
// The server gives up first, and says why: what is looked for may wait 5 s for its turn, and then run for 16 s (see
// store/postgres_session.py). What changes many contacts may take minutes.
const TIMEOUTS_MS = { get: 30_000, post: 300_000 };

document.addEventListener("htmx:configRequest", ({ detail }) => { detail.timeout = TIMEOUTS_MS[detail.verb]; });

// A form with a place for the reason says it there, and shows the button that sends it again; whatever else asks, above
// all that the page shows.
function sayUnreached({ detail: { elt } }) {
  const general = document.querySelector("[data-unreached]");
  const place = (!elt.closest(CLOSED) && elt.querySelector("[data-reason], [data-refused]")) || general;
  // What asks each second would have it read out each second.
  if (place === general && general.textContent === UNREACHED) return;
  place.replaceChildren(refusal(UNREACHED));
  sayStopped(place);
}

const NO_ANSWER = ["htmx:sendError", "htmx:timeout"];

for (const type of NO_ANSWER) document.addEventListener(type, sayUnreached);
document.addEventListener("htmx:beforeOnLoad", () => document.querySelector("[data-unreached]").replaceChildren());

// In a dialog a reason stands above the fields, and the button that was pressed below them: on a phone, out of sight.
function showReason({ detail: { elt } }) {
  elt.closest("dialog")?.querySelector("[data-refused]").scrollIntoView({ block: "nearest" });
}

for (const type of [...NO_ANSWER, "htmx:afterSwap"]) document.addEventListener(type, showReason);

// Colours

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("dialbook-theme", root.dataset.theme);
  document.dispatchEvent(new Event("dialbook:theme"));
});

// Requests, to be copied

// Over plain HTTP, but for the machine's own, browsers let no page write to the clipboard.
function addCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const block of root.querySelectorAll("[data-copies]:not(:has(button))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.append(button);
  }
}

// Selections

function showSelection(form) {
  const ticks = [...form.querySelectorAll("[name=contact]")];
  const ticked = ticks.filter((tick) => tick.checked).length;
  const all = form.querySelector("[data-all]");
  const page = form.querySelector("[data-page]");
  page.checked = ticked === ticks.length;
  page.indeterminate = ticked > 0 && ticked < ticks.length;
  for (const tick of [page, ...ticks]) tick.disabled = all.checked;
  for (const button of form.querySelectorAll("[data-acts]")) button.disabled = !all.checked && ticked === 0;
  const words = ticked ? `${ticked} ticked` : "Tick contacts, or all of them";
  form.querySelector("[data-chosen]").textContent = all.checked ? "All are selected" : words;
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-selection]");
  if (!form) return;
  if (event.target.matches("[data-page]")) {
    for (const tick of form.querySelectorAll("[name=contact]")) tick.checked = event.target.checked;
  }
  showSelection(form);
});

// At the start, and for each part that comes later

function prepare(root) {
  showOpen(root);
  addCopyButtons(root);
  for (const form of root.querySelectorAll("[data-selection]")) showSelection(form);
}

prepare(document);
document.querySelector("form[data-submits]")?.requestSubmit();
document.addEventListener("htmx:afterSettle", (event) => prepare(event.target));
// What a browser kept of a form is not what the page shows.
window.addEventListener("pageshow", () => prepare(document));

// Back

// A browser may have kept the page as it was when it was left. What a form led to stays so, since to ask again would be
// to send it again; and so does what may be half filled in.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted && !document.querySelector("[data-stays], dialog[open]")) location.reload();
});
