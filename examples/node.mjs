#!/usr/bin/env node
// Print every contact of a list, one a line: the number, a tab, the first name.

const USAGE = `usage: node.mjs ACCOUNT_URL LIST_SID [PAGE_SIZE]
ACCOUNT_URL: https://<key>:<token>@<host>/v2/accounts/<account_sid>, or - to take it from DIALBOOK_URL`;

function stop(status, message) {
  console.error(message);
  process.exit(status);
}

/** Part the account's URL into an address and a header, for fetch takes no credentials in a URL. */
function readAccount(text) {
  try {
    const url = new URL(text);
    const [key, token] = [url.username, url.password].map(decodeURIComponent);
    if (/^https?:$/.test(url.protocol) && key && token) {
      const authorization = "Basic " + Buffer.from(`${key}:${token}`).toString("base64");
      return { base: url.origin + url.pathname.replace(/\/+$/, ""), authorization };
    }
  } catch {}
  stop(2, USAGE);
}

async function getPage(account, listSid, offset, limit) {
  const query = new URLSearchParams({ offset, limit });
  const reply = await fetch(`${account.base}/lists/${encodeURIComponent(listSid)}/contacts?${query}`, {
    headers: { Authorization: account.authorization },
    redirect: "manual",
    signal: AbortSignal.timeout(60_000), // for the whole exchange; fetch itself waits 10 s for a connection
  });
  const text = await reply.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {} // a proxy's error page, say
  if (!reply.ok) {
    const { message, description } = body?.response?.error_data ?? {};
    throw new Error([`HTTP ${reply.status}`, message, description].filter(Boolean).join(": "));
  }
  if (!Array.isArray(body?.response) || !Number.isInteger(body.metadata?.total)) {
    throw new Error(`HTTP ${reply.status}, but not a page of contacts`);
  }
  return { contacts: body.response.map((item) => item.data), total: body.metadata.total };
}

const [url, listSid, limit = "500", ...rest] = process.argv.slice(2);
if (!url || !listSid || rest.length > 0) stop(2, USAGE);
const account = readAccount(url === "-" ? process.env.DIALBOOK_URL : url);
process.stdout.on("error", () => process.exit(1)); // end quietly when the reader does, as head does

try {
  let offset = 0;
  while (true) {
    const { contacts, total } = await getPage(account, listSid, offset, limit);
    for (const { number, first_name } of contacts) {
      console.log(`${number}\t${(first_name ?? "").replace(/[\t\r\n]/g, " ")}`);
    }
    offset += contacts.length;
    if (contacts.length === 0 || offset >= total) break;
  }
  console.error(`${offset} contacts`);
} catch (error) {
  const cause = error.cause ? `: ${error.cause.message || error.cause.code}` : "";
  stop(1, `node.mjs: ${error.message}${cause}`);
}
