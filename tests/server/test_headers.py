"""Headers that guard whoever reads an answer: on every one, whatever it is."""

import re
import socket

import httpx2
import pytest

from tests.conftest import Client, Server

pytestmark = pytest.mark.sqlite  # the engine makes no difference here

WITHOUT_A_KEY = [
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/docs",
    "/docs/assets/docs.js",
    "/docs/assets/nothing.js",
    "/nowhere",
    "/",
    "/console",
    "/console/sign-in",
    "/console/nowhere",
    "/console/static/console.css",
    "/v2/accounts/acme/contacts",
]


@pytest.mark.parametrize("path", WITHOUT_A_KEY)
def test_no_answer_is_taken_for_something_else(path: str, server: Server) -> None:
    answer = httpx2.get(server.url + path)

    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_every_answer_has_its_id_and_head_says_what_get_would(accept: str, api: Client) -> None:
    for path in (f"/lists/{api.create_list()['sid']}/contacts", "/contacts", "/lists/none"):
        got, asked = (api.request(method, path, headers={"Accept": accept}) for method in ("GET", "HEAD"))

        assert re.fullmatch("[0-9a-f]{32}", asked.headers["x-request-id"])
        assert asked.headers.get("content-length") == got.headers.get("content-length")
        if "json" in got.headers["content-type"]:
            assert got.json()["request_id"] == got.headers["x-request-id"]


def test_what_is_asked_for_with_a_key_is_kept_by_nobody_on_the_way(api: Client, server: Server) -> None:
    (contact,) = api.create_contacts({"number": "+919845000001"})
    made = api.create_list()
    api.add_members(made["sid"], contact["sid"])
    page = f"/lists/{made['sid']}/contacts"
    answers = [
        api.get("/contacts"),
        api.get(page),
        api.request("GET", page, headers={"If-None-Match": api.get(page).headers["etag"]}),
        api.request("GET", page, headers={"Accept": "text/csv"}),
        api.request("HEAD", page),
        api.post("/lists", {"lists": [{"name": "Others"}]}),
        api.get("/contacts", offset="x"),
        api.get("/contacts/nobody"),
        api.request("PATCH", "/contacts"),
        api.http.get("/nowhere"),
        httpx2.get(f"{server.url}/v2/accounts/{api.account}/contacts"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 304, 200, 200, 200, 400, 404, 405, 404, 401]
    for answer in answers:
        assert answer.headers.get_list("cache-control") == ["no-store"]
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


def test_what_is_no_http_is_answered_with_them_too(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"this is no HTTP\r\n\r\n")
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nx-content-type-options: nosniff\r\n" in answer
    assert b"\r\ncache-control: no-store\r\n" in answer


@pytest.mark.parametrize("path", ["/docs", "/console/sign-in"])
def test_a_page_is_in_no_frame_and_tells_no_other_site_of_itself(path: str, server: Server) -> None:
    headers = httpx2.get(server.url + path).headers

    assert headers.get_list("referrer-policy") == ["same-origin"]
    assert headers.get_list("cross-origin-opener-policy") == ["same-origin"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_over_http_no_browser_is_told_to_come_by_https_alone(server: Server) -> None:
    assert "strict-transport-security" not in httpx2.get(f"{server.url}/console/sign-in").headers
