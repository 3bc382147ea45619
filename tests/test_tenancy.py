"""No key opens anything that it was not made for: every route, with every kind of wrong key."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from dialbook.server.app import OPERATIONS, PREFIX
from tests.conftest import Client, Server, execute, run_cli
from tests.contract import check_answer
from tests.statements import violations

ROUTES = [(method, path) for path, handlers in OPERATIONS.items() for method in handlers]
BODIES = {
    ("POST", "/contacts"): {"contacts": [{"number": "+919845000999"}]},
    ("PUT", "/contacts"): {"contacts": [{"sid": "{contact_sid}", "tag": "stolen"}]},
    ("PUT", "/contacts/{contact_sid}"): {"tag": "stolen"},
    ("DELETE", "/contacts"): {"contacts": [{"sid": "{contact_sid}"}]},
    ("POST", "/lists"): {"lists": [{"name": "Stolen"}]},
    ("PUT", "/lists"): {"lists": [{"sid": "{list_sid}", "name": "Stolen"}]},
    ("PUT", "/lists/{list_sid}"): {"name": "Stolen"},
    ("POST", "/lists/{list_sid}/contacts"): {"contact_references": [{"contact_sid": "{outsider_sid}"}]},
    ("DELETE", "/lists/{list_sid}/contacts"): {"contact_references": [{"contact_sid": "{contact_sid}"}]},
}
FORM = {"Content-Type": "multipart/form-data; boundary=form"}
FORMS = {
    ("POST", "/contacts/csv-upload"): (
        '--form\r\nContent-Disposition: form-data; name="list_name"\r\n\r\nStolen\r\n'
        '--form\r\nContent-Disposition: form-data; name="file_name"\r\n\r\nnumber\n+919845000999\r\n--form--\r\n'
    ),
}
WRONG_KEYS = {
    "of another account": 403,
    "revoked": 401,
    "expired": 401,
    "of other networks": 403,
    "read-only": 403,
    "write-only": 403,
    "unknown": 401,
    "with a wrong token": 401,
    "with a mistyped token": 401,
    "not given": 401,
    "not Basic": 401,
    "not base64": 401,
    "not ASCII": 401,
    "without a colon": 401,
}
ALLOWED = {("GET", "read-only"), ("POST", "write-only"), ("PUT", "write-only"), ("DELETE", "write-only")}
MATRIX = [(method, path, kind) for method, path in ROUTES for kind in WRONG_KEYS if (method, kind) not in ALLOWED]


@dataclass
class Victim:
    """An account with something in it, and what stands for its sids in paths and bodies."""

    client: Client
    names: dict[str, str]

    def fill(self, template: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.names[match[1]], template)

    def state(self) -> list[object]:
        """Everything that a caller of this account can see."""
        contacts = self.client.get("/contacts", filter="show_list").json()["response"]
        lists = self.client.get("/lists").json()["response"]
        upload = self.client.get(f"/csv-status/{self.names['upload_id']}").json()["response"]
        return [contacts, lists, upload]


@pytest.fixture(scope="module")
def victim(connect: Callable[..., Client]) -> Victim:
    client = connect()
    member, outsider = client.create_contacts({"number": "+919845000001"}, {"number": "+919845000002"})
    made = client.create_list("Secret")
    client.add_members(made["sid"], member["sid"])
    names = {
        "account_sid": client.account,
        "contact_sid": member["sid"],
        "outsider_sid": outsider["sid"],
        "list_sid": made["sid"],
        "upload_id": _upload(client),
    }
    return Victim(client, names)


@pytest.fixture(scope="module")
def stranger(connect: Callable[..., Client]) -> Client:
    return connect()


@pytest.fixture(scope="module")
def keys(
    server: Server, victim: Victim, stranger: Client, connect: Callable[..., Client]
) -> dict[str, httpx2.Auth | str]:
    account = victim.client.account
    revoked = connect(account)
    run_cli("key", "revoke", account, revoked.key, "--database", server.database)
    expired = connect(account, "--expires", "1d")
    _let_expire(server, expired.key)
    return {
        "of another account": httpx2.BasicAuth(stranger.key, stranger.token),
        "revoked": httpx2.BasicAuth(revoked.key, revoked.token),
        "expired": httpx2.BasicAuth(expired.key, expired.token),
        "of other networks": _auth(connect(account, "--allow", "192.0.2.0/24")),
        "read-only": _auth(connect(account, "--scope", "read")),
        "write-only": _auth(connect(account, "--scope", "write")),
        "unknown": httpx2.BasicAuth("0" * 32, victim.client.token),
        "with a wrong token": httpx2.BasicAuth(victim.client.key, stranger.token),
        "with a mistyped token": httpx2.BasicAuth(victim.client.key, victim.client.token.swapcase()),
        "not given": "",
        "not Basic": f"Bearer {victim.client.token}",
        "not base64": "Basic !!!",
        "not ASCII": "Basic \xff\xfe",
        "without a colon": "Basic QUJD",
    }


@pytest.mark.parametrize(("method", "path", "kind"), MATRIX)
def test_a_wrong_key_opens_no_route(
    method: str, path: str, kind: str, keys: dict[str, httpx2.Auth | str], victim: Victim
) -> None:
    before = victim.state()

    answer = _call(victim, method, path, keys[kind])

    check_answer(answer)
    assert answer.status_code == WRONG_KEYS[kind]
    assert victim.state() == before
    assert "+919845" not in answer.text


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_right_key_opens_every_route(method: str, path: str, connect: Callable[..., Client]) -> None:
    client = connect()
    member, outsider = client.create_contacts({"number": "+919845000001"}, {"number": "+919845000002"})
    made = client.create_list("Own")
    client.add_members(made["sid"], member["sid"])
    names = {"contact_sid": member["sid"], "outsider_sid": outsider["sid"], "list_sid": made["sid"]}
    names["upload_id"] = _upload(client)
    owner = Victim(client, {"account_sid": client.account, **names})

    answer = _call(owner, method, path, httpx2.BasicAuth(client.key, client.token))

    check_answer(answer)
    assert answer.status_code == (202 if (method, path) in FORMS else 200), answer.text


@pytest.mark.parametrize(
    ("method", "path"), [(m, p) for m, p in ROUTES if "_sid}" in p or "_id}" in p or (m, p) in BODIES]
)
def test_sids_of_another_account_are_as_good_as_unknown(
    method: str, path: str, victim: Victim, stranger: Client
) -> None:
    """In the path or in the body: the answer is the one for a sid that nobody has."""
    before = victim.state()
    unknown = dict.fromkeys(victim.names, "0" * 32) | {"account_sid": stranger.account}

    with_theirs = _call(
        Victim(stranger, victim.names | {"account_sid": stranger.account}), method, path, _auth(stranger)
    )
    with_unknown = _call(Victim(stranger, unknown), method, path, _auth(stranger))

    if (method, path) not in {("POST", "/contacts"), ("POST", "/lists")}:
        assert _masked(with_theirs, victim.names) == _masked(with_unknown, unknown)
    assert victim.state() == before


def test_lists_of_another_account_select_nobody(victim: Victim, stranger: Client) -> None:
    answer = stranger.get("/contacts", list_sids=victim.names["list_sid"])

    assert answer.json()["metadata"]["total"] == 0


def test_revoking_takes_effect_with_the_next_request(server: Server, connect: Callable[..., Client]) -> None:
    client = connect()
    assert client.get("/contacts").status_code == 200

    run_cli("key", "revoke", client.account, client.key, "--database", server.database)

    assert client.get("/contacts").status_code == 401


def test_two_live_keys_allow_rotation(connect: Callable[..., Client]) -> None:
    old = connect()
    new = connect(old.account)

    assert old.get("/contacts").status_code == new.get("/contacts").status_code == 200


def test_credentials_may_stand_in_the_url(server: Server, api: Client) -> None:
    address = server.url.removeprefix("http://")
    with httpx2.Client() as http:
        answer = http.get(f"http://{api.key}:{api.token}@{address}/v2/accounts/{api.account}/contacts")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM contacts AS c WHERE c.sid = :sid",
        "SELECT * FROM members AS m JOIN contacts AS c ON c.sid = m.contact WHERE m.account = :account",
        "SELECT * FROM lists WHERE account = :other",
        "DELETE FROM members WHERE list = :list",
        "UPDATE contacts SET tag = :tag WHERE sid IN (SELECT contact FROM members WHERE account = :account)",
        "INSERT INTO contacts (sid, account) VALUES (:sid, :account)",
    ],
)
def test_the_watch_over_statements_bites(sql: str) -> None:
    assert violations(sql)


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] != "GET"])
def test_a_page_of_another_site_changes_nothing(method: str, path: str, victim: Victim) -> None:
    before = victim.state()

    for site in ("cross-site", "same-site"):
        answer = _call(victim, method, path, _auth(victim.client), **{"Sec-Fetch-Site": site})

        check_answer(answer)
        assert answer.status_code == 403
        assert "another site" in answer.text
    assert victim.state() == before


@pytest.mark.parametrize("origin", ["http://[", "https://elsewhere.example", "null", "http://[::1", "é"])
def test_a_page_of_another_origin_changes_nothing(origin: str, api: Client, server: Server) -> None:
    """As browsers say that do not know Fetch Metadata."""
    headers = {b"Origin": origin.encode()}

    answer = api.request("POST", "/lists", json={"lists": [{"name": "Theirs"}]}, headers=headers)
    signing_in = httpx2.post(f"{server.url}/console/sign-in", data={"key": api.key}, headers=headers)

    assert (answer.status_code, signing_in.status_code) == (403, 403)
    assert api.get("/lists").json()["metadata"]["total"] == 0


def test_a_page_of_our_own_may_change_things(api: Client) -> None:
    for site in ("same-origin", "none"):
        answer = api.request("POST", "/lists", json={"lists": [{"name": site}]}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 200


def _upload(client: Client) -> str:
    return str(client.upload(b"number\n", "Uploaded").json()["response"]["data"]["summary"]["upload_id"])


def _let_expire(server: Server, key: str) -> None:
    """Turn the clock for one key: the command line refuses to make a key that is past already."""
    past = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    execute(server.database, "UPDATE api_keys SET expires = :past WHERE key = :key", past=past, key=key)


def _auth(client: Client) -> httpx2.Auth:
    return httpx2.BasicAuth(client.key, client.token)


def _call(target: Victim, method: str, path: str, auth: httpx2.Auth | str, **given: str) -> httpx2.Response:
    body = FORMS.get((method, path)) or (json.dumps(BODIES[method, path]) if (method, path) in BODIES else None)
    headers = {
        name.encode(): value.encode() for name, value in (given | (FORM if (method, path) in FORMS else {})).items()
    }
    if isinstance(auth, str) and auth:
        headers[b"Authorization"] = auth.encode("latin-1")
    return target.client.http.request(
        method,
        target.fill(PREFIX + path),
        auth=None if isinstance(auth, str) else auth,
        headers=headers,
        content=None if body is None else target.fill(body),
    )


def _masked(answer: httpx2.Response, names: dict[str, str]) -> tuple[int, str]:
    text = re.sub(r'"request_id":"[0-9a-f]{32}"', "", answer.text)
    for sid in names.values():
        text = text.replace(sid, "…")
    return answer.status_code, text
