"""Where a client connects to, and that nobody sees what with."""

import asyncio
import logging
import traceback
from typing import Any

import pytest

from dialbook import AsyncClient, Client, NoAnswer
from dialbook.client.address import find_address
from tests.client.peer import Act, contact, ok, peer
from tests.conftest import Client as Caller
from tests.conftest import Server

TOKEN = "s3cr3t-t0k3n"
KEY = "0ur-k3y"


@pytest.mark.parametrize(
    ("url", "parts", "found"),
    [
        (f"https://{KEY}:{TOKEN}@api.exotel.com/v2/accounts/acme", {}, "https://api.exotel.com/v2/accounts/acme"),
        (f"http://{KEY}:{TOKEN}@[::1]:8080/v2/accounts/acme/", {}, "http://[::1]:8080/v2/accounts/acme"),
        (f"https://{KEY}:{TOKEN}@host/book/v2/accounts/acme", {}, "https://host/book/v2/accounts/acme"),
        (None, {"region": "sg"}, "https://api.exotel.com/v2/accounts/acme"),
        (None, {"region": "in"}, "https://api.in.exotel.com/v2/accounts/acme"),
        (None, {"base_url": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080/v2/accounts/acme"),
        (None, {"base_url": "http://host/book/"}, "http://host/book/v2/accounts/acme"),
    ],
)
def test_an_address_is_given_whole_or_in_parts(url: str | None, parts: Any, found: str) -> None:
    credentials: Any = {"account": "acme", "key": KEY, "token": TOKEN} if parts else {}
    address = find_address(url, credentials | parts)

    assert (address.url, address.key, address.token) == (found, KEY, TOKEN)


def test_a_client_without_an_address_can_be_shown() -> None:
    client = Client.__new__(Client)
    with pytest.raises(ValueError, match="address"):
        client.__init__("nowhere")  # type: ignore[misc]

    assert repr(client) == "<Client without an address>"


def test_blanks_around_an_address_are_none_of_it() -> None:
    url = f"https://{KEY}:{TOKEN}@host/v2/accounts/acme"

    assert find_address(f" {url}\n", {}) == find_address(url, {})


def test_credentials_may_be_escaped() -> None:
    address = find_address("https://k%40y:t%2Fk%3An@host/v2/accounts/acme", {})

    assert (address.key, address.token) == ("k@y", "t/k:n")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        (f"https://host/v2/accounts/acme?token={TOKEN}", {}),
        (f"https://{KEY}:{TOKEN}/x@host/v2/accounts/acme", {}),
        (f"https://{KEY}:{TOKEN}@host:port/v2/accounts/acme", {}),
        (f"https://{KEY}:{TOKEN}@host/v2/accounts/", {}),
        (f"https://{KEY}:{TOKEN}@host/v2/accounts/acme/contacts", {}),
        (f"https://{KEY}:{TOKEN}@host/v1/Accounts/acme", {}),
        (f"ftp://{KEY}:{TOKEN}@host/v2/accounts/acme", {}),
        (f"{KEY}:{TOKEN}", {}),
        ("", {}),
        (None, {}),
        (None, {"account": "acme", "key": KEY}),
        (None, {"account": "acme", "key": KEY, "token": TOKEN}),
        (None, {"account": "acme", "key": KEY, "token": TOKEN, "region": "sg", "base_url": "http://host"}),
        (None, {"account": "acme", "key": KEY, "token": TOKEN, "region": "us"}),
        (None, {"account": "acme", "key": KEY, "token": TOKEN, "base_url": "host"}),
        (f"https://{KEY}:{TOKEN}@host/v2/accounts/acme", {"region": "sg"}),
        (f"https://{KEY}:{TOKEN}@xn--é/v2/accounts/acme", {}),
        (f"https://{KEY}:{TOKEN}@ho\x01st/v2/accounts/acme", {}),
        (f"https://{KEY}:{TOKEN}@a..b/v2/accounts/acme", {}),
        (f"https://{KEY}:{TOKEN}@999.0.0.1/v2/accounts/acme", {}),
        (f"https://{KEY}:{TOKEN}\ud800@host/v2/accounts/acme", {}),
        (None, {"account": "acme", "key": KEY, "token": TOKEN, "base_url": "http://xn--é"}),
        (None, {"account": "acme", "key": KEY, "token": f"{TOKEN}\ud800", "base_url": "http://host"}),
        (f"https://{KEY}%3Ax:{TOKEN}@host/v2/accounts/acme", {}),
        (f"https://{KEY}:{TOKEN}@host/v2/accounts/..", {}),
        (f"https://{KEY}:{TOKEN}@host/v2/accounts/%2e%2e", {}),
        (None, {"account": "..", "key": KEY, "token": TOKEN, "base_url": "http://host"}),
        (None, {"account": "", "key": KEY, "token": TOKEN, "base_url": "http://host"}),
        (None, {"account": "acme", "key": f"{KEY}:x", "token": TOKEN, "base_url": "http://host"}),
        (None, {"account": "acme", "key": None, "token": TOKEN, "base_url": "http://host"}),
        (None, {"account": "acme", "key": KEY, "token": 7, "base_url": "http://host"}),
        (None, {"account": "\ud800", "key": KEY, "token": TOKEN, "base_url": "http://host"}),
    ],
)
def test_what_is_no_address_is_refused_without_a_word_of_it(
    url: str | None, parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIALBOOK_URL", raising=False)

    with pytest.raises(ValueError, match=r"address|region") as raised:
        Client(url, **parts)

    shown = "".join(traceback.format_exception(raised.value))
    assert TOKEN not in shown
    assert KEY not in shown


def test_what_is_wrong_with_an_address_is_said() -> None:
    parts: Any = {"account": "acme", "key": KEY}

    for base_url in ("127.0.0.1:8080", "host", "ftp://host"):
        with pytest.raises(ValueError, match="base_url must be http or https") as raised:
            Client(**parts, token=TOKEN, base_url=base_url)
        assert "<key>" not in str(raised.value)
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        Client(**parts, token="\ud800", base_url="http://host")
    with pytest.raises(ValueError, match="host"):
        Client(**parts, token=TOKEN, base_url="http://a..b")


def test_the_environment_has_the_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALBOOK_URL", url)

    with Client() as client:
        assert list(client.list_lists()) == []


def test_an_empty_address_is_none_also_where_the_environment_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALBOOK_URL", f"https://{KEY}:{TOKEN}@host/v2/accounts/acme")

    with pytest.raises(ValueError, match="There is no address"):
        Client("")


def test_parts_reach_a_server(server: Server, api: Caller) -> None:
    with Client(account=api.account, key=api.key, token=api.token, base_url=server.url) as client:
        assert list(client.list_lists()) == []


def test_credentials_are_sent_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    half = Act(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "reset")
    with peer(ok(contact(1)), *[half] * 4) as there:
        client = Client(there.url, sleep=lambda _: None)
        client.get_contact("a")
        with pytest.raises(NoAnswer) as raised:
            client.get_contact("a")

    assert b"Basic a2V5OnNlY3JldA==" in there.requests[0]
    local = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    frames = str([frame.locals for frame in local.stack[1:]])  # the first is this test's own
    for shown in (repr(client), caplog.text, frames, str(raised.value), repr(raised.value)):
        assert "secret" not in shown
        assert "a2V5OnNlY3JldA" not in shown
    assert repr(client) == f"<Client http://{there.host}/v2/accounts/acme>"
    assert repr(find_address(there.url, {})) == f"<Address http://{there.host}/v2/accounts/acme>"


def test_an_asynchronous_client_is_found_the_same_way(url: str) -> None:
    async def read() -> int:
        async with AsyncClient(url) as client:
            return len(await client.list_lists())

    assert asyncio.run(read()) == 0
