// Before an upload: how the first line of a file and its first rows are understood. While it is sent: how far it is.
"use strict";

const START_BYTES = 256 * 1024; // of a file that are looked at
const ROWS = 8; // that are shown
const GZIP = [0x1f, 0x8b];
const ZIP = [0x50, 0x4b, 3, 4];
const ENCODINGS = [[[0xff, 0xfe], "utf-16le", "UTF-16"], [[0xfe, 0xff], "utf-16be", "UTF-16"], [[], "utf-8", "UTF-8"]];
const PACKED = "It cannot be shown here, since it is packed; the server will read it.";
const LOST = "The connection was lost before the server had all of the file. Try again.";
const CHANGED = "The file has changed since you chose it, or is gone. Choose it again.";
const UNANSWERED =
  "No answer came, but the file may have arrived. Look at Uploads, or press Upload again; it is not uploaded twice.";
const UNKNOWING = [502, 504]; // with which a proxy says that it has no answer either
const SEPARATORS = { ",": "commas", ";": "semicolons", "\t": "tabs" };

const form = document.querySelector("[data-upload]");
const rules = JSON.parse(form.dataset.rules);
const betweenWords = new RegExp(rules.betweenWords, "gu");
const declares = new RegExp(`^${rules.declares}$`, "iu");
const fileInput = form.querySelector("[name=file_name]");
const part = (name) => form.querySelector(`[data-${name}]`);

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

// Reading: the rules are the server's (wire/csv_rows.py), which reads the whole file again

const beginsWith = (bytes, start) => start.every((byte, i) => bytes[i] === byte);

async function readStart(file) {
  const start = await file.slice(0, START_BYTES).arrayBuffer().catch(() => null); // as of a folder that was dropped
  if (!start) return { problem: "It cannot be read." };
  const bytes = new Uint8Array(start);
  if (beginsWith(bytes, GZIP)) return { form: "gzip", note: PACKED };
  if (beginsWith(bytes, ZIP)) return { problem: `This is an Excel workbook, or another archive. ${rules.wanted}` };
  const [, encoding, name] = ENCODINGS.find(([mark]) => beginsWith(bytes, mark));
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: file.size > bytes.length });
    if (text.includes("\0")) return { problem: `This is no text. ${rules.wanted}` };
    return { form: name, ...readRows(text, file.size > bytes.length) };
  } catch {
    return { problem: `This is not in ${name}. ${rules.wanted}` };
  }
}

const withoutBlankLines = (text) => text.replace(/^(?:[^\S\r\n]*(?:\r\n|\r|\n))+/, "");

function readRows(text, isCut) {
  const body = withoutBlankLines(text);
  const [first] = body.split(/\r\n|\r|\n/, 1);
  const [, declared] = first.match(declares) ?? [];
  const table = declared ? withoutBlankLines(body.slice(first.length)) : body;
  const delimiter = declared ?? findDelimiter(table);
  const rows = Papa.parse(table, { delimiter, skipEmptyLines: "greedy" }).data;
  if (isCut && rows.length > 1) rows.pop();
  return { delimiter, names: rows.length ? columnNames(rows[0]) : [], rows: rows.slice(1, ROWS + 1) };
}

// The delimiter that finds the number among the columns, or else the one that finds most.
function findDelimiter(text) {
  const weigh = (delimiter) => {
    const [cells = []] = Papa.parse(text, { delimiter, preview: 1 }).data;
    const names = cells.map((cell) => knownName(cellValue(cell)));
    return names.length + (names.includes(rules.number) ? text.length : 0);
  };
  return rules.delimiters.reduce((best, each) => (weigh(each) > weigh(best) ? each : best));
}

function cellValue(cell) {
  const text = cell.trim();
  return text.startsWith("'") && rules.formula.includes(text[1]) ? text.slice(1) : text;
}

function columnNames(cells) {
  const names = cells.map(cellValue);
  while (names.length && !names.at(-1)) names.pop();
  return names;
}

const knownName = (name) => name.toLowerCase().replace(betweenWords, "_");

// Understanding: what each column becomes, and what is wrong

const NAMELESS = { becomes: "has no name", sentence: "Every column needs a name in the first line:" };
const TWICE = { becomes: "comes twice", sentence: "Each column may come once:" };
const NOT_KEPT = { becomes: "not allowed in a static list", sentence: "Not allowed in a static list:" };
const TOO_MANY = { becomes: "one too many", sentence: `A dynamic list keeps up to ${rules.extra} columns; too many:` };
const WRONGS = [NAMELESS, TWICE, NOT_KEPT, TOO_MANY];

function understand(names, type) {
  const met = new Set();
  let extra = 0;
  return names.map((name) => {
    const known = knownName(name);
    if (!name) return NAMELESS;
    if (met.has(known)) return TWICE;
    met.add(known);
    if (rules.fields.includes(known)) return { becomes: known };
    if (rules.report.includes(known)) return { becomes: "passed over" };
    extra += 1;
    if (type === "static") return NOT_KEPT;
    return extra > rules.extra ? TOO_MANY : { becomes: "kept per member" };
  });
}

function problemsOf(sheet, columns, file) {
  const problems = [];
  if (file.size > rules.fileLimit) {
    problems.push(`It has ${size(file.size)}; at most ${size(rules.fileLimit)} are allowed.`);
  }
  if (sheet.problem) problems.push(sheet.problem);
  if (!sheet.names) return problems;
  if (!sheet.names.length) return [...problems, "It is empty; its first line has to name its columns."];
  if (!sheet.names.some((name) => knownName(name) === rules.number)) {
    problems.push(`No column is named “${rules.number}”: name the one so that has the phone numbers, in the first line.`);
  }
  return [...problems, ...WRONGS.flatMap((wrong) => sentenceOn(wrong, sheet.names, columns))];
}

function sentenceOn(wrong, names, columns) {
  const places = [...columns.keys()].filter((i) => columns[i] === wrong);
  const said = places.slice(0, rules.namesShown).map((i) => (names[i] ? `“${names[i]}”` : `column ${i + 1}`)).join(", ");
  const more = places.length > rules.namesShown ? ` and ${places.length - rules.namesShown} more` : "";
  return places.length ? [`${wrong.sentence} ${said}${more}.`] : [];
}

// Showing

let shown = null; // the file that is chosen, and what its start says

async function choose() {
  const file = fileInput.files[0];
  const read = file ? { file, sheet: await readStart(file) } : null;
  if (fileInput.files[0] !== file) return; // another was chosen meanwhile
  shown = read;
  show();
}

function show() {
  part("preview").hidden = !shown;
  if (!shown) return;
  const { file, sheet } = shown;
  const type = part("type")?.dataset.type ?? new FormData(form).get("type"); // of the list that is there, or a new one
  const columns = understand(sheet.names ?? [], type);
  const separated = sheet.delimiter && `separated by ${SEPARATORS[sheet.delimiter]}`;
  part("summary").textContent = [file.name, size(file.size), sheet.form, separated].filter(Boolean).join(" · ");
  const problems = problemsOf(sheet, columns, file).map((text) => element("p", text, "refusal"));
  part("problems").replaceChildren(...problems, ...(sheet.note ? [element("p", sheet.note)] : []));
  part("sheet").hidden = !columns.length;
  part("columns").replaceChildren(...columns.map((column, i) => heading(sheet.names[i], column)));
  part("rows").replaceChildren(...(sheet.rows ?? []).map((cells) => row(cells, columns.length)));
}

function heading(name, column) {
  const cell = element("th", "");
  cell.scope = "col";
  cell.append(element("bdi", name), element("span", column.becomes, column.sentence ? "becomes wrong" : "becomes"));
  return cell;
}

function row(cells, width) {
  const made = document.createElement("tr");
  for (const cell of cells.slice(0, width)) {
    const shownCell = document.createElement("td");
    shownCell.append(element("bdi", cellValue(cell)));
    made.append(shownCell);
  }
  return made;
}

fileInput.addEventListener("change", choose);
fileInput.addEventListener("cancel", choose); // so Chromium says, too, that a file of the same name was chosen anew
form.addEventListener("change", show);
form.addEventListener("htmx:afterSettle", show); // the type of the list that was named
window.addEventListener("pageshow", choose); // a browser keeps the file of a form that is gone back to
window.addEventListener("pageshow", () => { if (request) location.reload(); }); // what was sent is done with

// Dropping

const drop = part("drop");

function mark(event) {
  event.preventDefault();
  drop.classList.toggle("over", event.type === "dragover");
}

for (const type of ["dragover", "dragleave", "drop"]) drop.addEventListener(type, mark);
drop.addEventListener("drop", ({ dataTransfer: { files } }) => {
  if (!files.length) return;
  part("refused").replaceChildren();
  if (files.length > 1) {
    sayRefused("One file at a time.");
    return;
  }
  fileInput.files = files;
  choose();
});

// A browser opens a file that is dropped beside, in place of the page.
for (const type of ["dragover", "drop"]) {
  document.addEventListener(type, (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
}

// Sending

let request = null; // that is under way
// What is filled in, and the key by which it is uploaded once, however often it is sent. The page may look for the list
// meanwhile, and say more of it.
let filledIn = null;

for (const type of ["input", "change"]) form.addEventListener(type, () => { filledIn = null; });

// crypto.randomUUID is there over HTTPS alone.
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!request) send();
});

part("abort").addEventListener("click", () => request?.abort());

function send() {
  let lost = LOST;
  const file = fileInput.files[0];
  const started = performance.now();
  if (filledIn?.file !== file) filledIn = { key: newKey(), file, content: new FormData(form) };
  request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("HX-Request", "true"); // the answer is a part of this page, or leads to another
  request.setRequestHeader("Idempotency-Key", filledIn.key);
  request.upload.addEventListener("progress", (event) => showSent(event.loaded, event.total));
  request.upload.addEventListener("load", () => part("sent").removeAttribute("value"));
  // From now on the server has all of it, and goes on whether anybody waits or not.
  request.upload.addEventListener("load", () => { part("abort").hidden = true; });
  request.upload.addEventListener("load", () => { lost = UNANSWERED; });
  // A browser counts from the start, and to send a file may take longer than any answer.
  request.upload.addEventListener("load", () => { request.timeout = performance.now() - started + TIMEOUTS_MS.post; });
  request.upload.addEventListener("load", () => { part("stage").textContent = "The server looks through it."; });
  request.addEventListener("load", () => answer(request));
  for (const type of ["error", "timeout"]) request.addEventListener(type, () => refuseLost(file, lost));
  request.addEventListener("abort", () => refuse("Cancelled; nothing was uploaded."));
  part("refused").replaceChildren();
  part("stage").textContent = "The file is being sent.";
  setSending(true);
  request.send(filledIn.content);
}

function setSending(isSending) {
  part("idle").hidden = isSending;
  part("sending").hidden = !isSending;
  part("abort").hidden = false;
  if (isSending) part("abort").focus();
  else part("idle").querySelector("button").focus();
}

function showSent(sent, total) {
  part("sent").max = total;
  part("sent").value = sent;
  part("sizes").textContent = `${size(sent)} of ${size(total)}`;
}

function answer(answered) {
  const next = answered.getResponseHeader("HX-Redirect");
  if (next) {
    location.assign(next);
    return;
  }
  finish();
  if (isForPage(answered)) htmx.swap(part("refused"), answered.responseText, { swapStyle: "innerHTML" });
  else part("refused").replaceChildren(UNKNOWING.includes(answered.status) ? refusal(UNANSWERED) : failure(answered));
}

function refuse(text) {
  finish();
  sayRefused(text);
}

// A browser does not send a file that has changed since it was chosen, which looks like a line that broke.
async function refuseLost(file, lost) {
  const isThere = await canBeRead(file);
  if (!isThere && fileInput.files[0] === file) {
    fileInput.value = "";
    choose();
  }
  refuse(isThere ? lost : lost === UNANSWERED ? `${CHANGED} Look at Uploads first: it may have arrived.` : CHANGED);
}

async function canBeRead(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function sayRefused(text) {
  part("refused").replaceChildren(refusal(text));
}

function finish() {
  request = null;
  setSending(false);
}
