#!/usr/bin/env python3
"""Print every contact of a list, one a line: the number, a tab, the first name."""

import argparse
import base64
import http.client
import json
import os
import signal
import sys
from contextlib import closing
from urllib.parse import quote, unquote, urlencode, urlsplit

ACCOUNT_URL = "https://<key>:<token>@<host>/v2/accounts/<account_sid>"


def on_alarm(*_):
    raise TimeoutError("no complete reply within 60 seconds")


def fetch(account, target):
    """GET the target from the account's host: the status and the body."""
    credentials = f"{unquote(account.username)}:{unquote(account.password)}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
    host = account.netloc.rpartition("@")[2]
    kind = http.client.HTTPSConnection if account.scheme == "https" else http.client.HTTPConnection
    signal.alarm(60)  # for the whole exchange: a socket's own timeout starts anew with every read
    try:
        with closing(kind(host, timeout=10)) as connection:
            connection.connect()
            connection.sock.settimeout(60)
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"python.py: {host}: {error}")
    finally:
        signal.alarm(0)


def get_page(account, list_sid, offset, limit):
    """One page: its contacts, and how many the whole list has."""
    query = urlencode({"offset": offset, "limit": limit})
    status, body = fetch(account, f"{account.path.rstrip('/')}/lists/{quote(list_sid, safe='')}/contacts?{query}")
    try:
        envelope = json.loads(body)
        if 200 <= status < 300:
            return [item["data"] for item in envelope["response"]], int(envelope["metadata"]["total"])
        error = envelope["response"]["error_data"]
        reason = [error["message"], error["description"]]
    except (ValueError, LookupError, TypeError):  # a proxy's error page, say
        reason = ["not a reply of this API"]
    sys.exit("python.py: " + ": ".join(filter(None, [f"HTTP {status}", *reason])))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ACCOUNT_URL", help=f"{ACCOUNT_URL}, or - to take it from DIALBOOK_URL")
    parser.add_argument("LIST_SID")
    parser.add_argument("PAGE_SIZE", nargs="?", default="500")
    given = parser.parse_args()
    account = urlsplit(os.environ.get("DIALBOOK_URL", "") if given.ACCOUNT_URL == "-" else given.ACCOUNT_URL)
    if account.scheme not in ("http", "https") or not (account.hostname and account.username and account.password):
        parser.error(f"ACCOUNT_URL must be {ACCOUNT_URL}")

    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end quietly when the reader does, as head does
    offset, total, contacts = 0, 1, True
    while contacts and offset < total:
        contacts, total = get_page(account, given.LIST_SID, offset, given.PAGE_SIZE)
        for contact in contacts:
            first_name = (contact["first_name"] or "").translate(str.maketrans("\t\r\n", "   "))
            print(contact["number"], first_name, sep="\t")
        offset += len(contacts)
    print(offset, "contacts", file=sys.stderr)
