"""Signing in and out, and what guards a session."""

import http.cookies
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import httpx2
import pytest
from playwright.sync_api import Page, expect

from dialbook.settings import Settings
from tests.conftest import Client, Server, run_cli, serving
from tests.console.conftest import Enter, sign_in
from tests.sqlite import beside


def test_a_user_signs_in_and_out(api: Client, server: Server, new_page: Callable[..., Page]) -> None:
    page = new_page(server)
    page.goto("/console/lists")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("API key").fill(api.key)
    page.get_by_label("API token").fill(api.token)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Lists")).to_be_visible()
    expect(page.get_by_text(api.account, exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto("/console/lists")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(("key", "token"), [("", ""), ("nobody", "x"), (None, "x"), (None, "")])
def test_a_wrong_token_opens_nothing(key: str | None, token: str, api: Client, server: Server) -> None:
    given = {"key": api.key if key is None else key, "token": token}

    answer = httpx2.post(f"{server.url}/console/sign-in", data=given)

    assert answer.status_code == 401
    assert "There is no such API key, or this is not its token." in answer.text
    assert "set-cookie" not in answer.headers


def test_a_form_to_sign_in_may_have_4_kib(server: Server) -> None:
    """More is refused before it is there: strangers must not take what there is for those who sign in."""
    answers = [
        httpx2.post(f"{server.url}/console/sign-in", data={"key": "x", "token": "x" * size}) for size in (4000, 4096)
    ]

    assert [answer.status_code for answer in answers] == [401, 413]
    assert "larger than 4096 bytes" in answers[1].text


@pytest.mark.sqlite
def test_a_cookie_is_not_looked_through_for_quotes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What undoes them takes the square of a cookie's length, in the standard library of Python before 3.11.10."""

    def unquote(_: str) -> str:
        raise AssertionError

    monkeypatch.setattr(http.cookies, "_unquote", unquote)
    answer = httpx2.get(f"{server.url}/console/sign-in", headers={"Cookie": 'dialbook="\\a"; dialbook-note="\\a"'})

    assert answer.status_code == 200


def test_a_key_that_may_only_write_opens_nothing(connect: Callable[..., Client], server: Server) -> None:
    client = connect(None, "--scope", "write")

    answer = httpx2.post(f"{server.url}/console/sign-in", data={"key": client.key, "token": client.token})

    assert answer.status_code == 401
    assert "may only write" in answer.text


def test_a_key_that_was_revoked_opens_nothing(connect: Callable[..., Client], server: Server) -> None:
    client = connect()
    run_cli("key", "revoke", client.account, client.key, "--database", server.database)

    answer = httpx2.post(f"{server.url}/console/sign-in", data={"key": client.key, "token": client.token})

    assert answer.status_code == 401
    assert "has expired, or was revoked" in answer.text


def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(api: Client, server: Server) -> None:
    fields = {"key": api.key, "token": api.token}

    plain = httpx2.post(f"{server.url}/console/sign-in", data=fields).headers["set-cookie"]
    secure = httpx2.post(
        f"{server.url}/console/sign-in", data=fields, headers={"Origin": "https://book.example", "Host": "book.example"}
    ).headers["set-cookie"]

    assert plain.startswith("dialbook=")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(plain.split("; "))
    assert secure.startswith("__Host-dialbook=")
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Secure"} <= set(secure.split("; "))
    assert api.token not in plain


def test_over_https_a_note_to_the_next_page_is_sent_back_over_https_alone(
    enter: Enter, api: Client, server: Server
) -> None:
    """Behind a proxy, too, which the origin that a browser names tells."""
    http = enter(server, api)
    secure = {"Origin": "https://book.example", "Host": "book.example"}

    plain, noted = (
        http.post("/console/lists", data={"name": name}, headers=headers).headers["set-cookie"]
        for name, headers in (("Plain", {}), ("Noted", secure))
    )

    assert plain.startswith("dialbook-note=")
    assert "Secure" not in plain
    assert "Secure" in noted.split("; ")


def test_a_session_that_was_left_opens_nothing_any_more(enter: Enter, api: Client, server: Server) -> None:
    http = enter(server, api)
    cookie = dict(http.cookies)
    assert http.get("/console/lists").status_code == 200

    http.post("/console/sign-out")

    assert httpx2.get(f"{server.url}/console/lists", cookies=cookie).status_code == 303


def test_signing_in_anew_closes_the_session_before(enter: Enter, api: Client, server: Server) -> None:
    http = enter(server, api)
    cookie = dict(http.cookies)

    http.post("/console/sign-in", data={"key": api.key, "token": "x"})
    assert httpx2.get(f"{server.url}/console/lists", cookies=cookie).status_code == 200
    http.post("/console/sign-in", data={"key": api.key, "token": api.token})

    assert http.get("/console/lists").status_code == 200
    assert httpx2.get(f"{server.url}/console/lists", cookies=cookie).status_code == 303


def test_signing_out_closes_what_a_browser_has_over_https_and_over_http(
    enter: Enter, api: Client, server: Server
) -> None:
    """Over HTTPS it sends both, if it had signed in over plain HTTP before."""
    plain, secure = (enter(server, api).cookies["dialbook"] for _ in range(2))

    httpx2.post(f"{server.url}/console/sign-out", cookies={"dialbook": plain, "__Host-dialbook": secure})

    for token in (plain, secure):
        assert httpx2.get(f"{server.url}/console/lists", cookies={"dialbook": token}).status_code == 303


@pytest.mark.sqlite
def test_whoever_signs_out_while_nothing_can_be_written_leaves_no_cookie_behind(
    enter: Enter, tmp_path: Path, new_client: Callable[..., Client]
) -> None:
    path = tmp_path / "book.db"
    with (
        serving(Settings(database=f"sqlite:///{path}")) as server,
        closing(beside(path)) as other,
    ):
        http = enter(server, new_client(server))
        http.timeout = 60
        other.execute("BEGIN IMMEDIATE")

        answer = http.post("/console/sign-out")
        other.execute("ROLLBACK")
        said = http.get("/console/sign-in").text

    assert answer.status_code == 303
    assert "dialbook" not in http.cookies
    assert "You are signed out in this browser." in said
    assert "half an hour" in said.partition('role="status">')[2].partition("</p>")[0]


@pytest.mark.sqlite
@pytest.mark.parametrize(("path", "status"), [("/sign-out", 303), ("/enter/made-up", 401)])
def test_a_token_that_opens_nothing_waits_for_no_writer(path: str, status: int, tmp_path: Path) -> None:
    """Or strangers who make some up would take it from those who change something."""
    book = tmp_path / "book.db"
    with (
        serving(Settings(database=f"sqlite:///{book}")) as server,
        closing(beside(book)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")

        answer = httpx2.post(f"{server.url}/console{path}", cookies={"dialbook": "made-up"}, timeout=60)

    assert answer.status_code == status
    assert "cannot be used now" not in unquote(answer.headers.get("set-cookie", ""))


def test_a_key_that_is_revoked_closes_its_sessions(
    enter: Enter, connect: Callable[..., Client], server: Server
) -> None:
    client = connect()
    http = enter(server, client)
    assert http.get("/console").status_code == 200

    run_cli("key", "revoke", client.account, client.key, "--database", server.database)

    assert http.get("/console").status_code == 303


@pytest.mark.parametrize(
    ("steps", "is_open"),
    [
        ([timedelta(minutes=29)], True),
        ([timedelta(minutes=30)], False),
        ([timedelta(minutes=29)] * 2, True),
        ([timedelta(minutes=20)] * 35, True),
        ([timedelta(minutes=20)] * 36, False),
    ],
)
def test_a_session_ends_when_it_is_idle_or_old(
    enter: Enter,
    steps: list[timedelta],
    is_open: bool,
    new_database: Callable[[], str],
    new_client: Callable[..., Client],
) -> None:
    now = datetime(2026, 5, 2, 9, 0, tzinfo=UTC)
    with serving(Settings(database=new_database()), lambda: now) as server:
        http = enter(server, new_client(server))

        for step in steps:
            now += step
            answer = http.get("/console/lists")

    assert answer.status_code == (200 if is_open else 303)


@pytest.mark.sqlite
def test_whoever_looks_goes_on_and_stays_signed_in_while_nothing_can_be_written(
    enter: Enter, tmp_path: Path, new_client: Callable[..., Client]
) -> None:
    now = datetime(2026, 5, 2, 9, 0, tzinfo=UTC)
    path = tmp_path / "book.db"
    with (
        serving(Settings(database=f"sqlite:///{path}"), lambda: now) as server,
        closing(beside(path)) as other,
    ):
        http = enter(server, new_client(server))
        http.timeout = 4  # seconds, after one more of which the server would give up
        other.execute("BEGIN IMMEDIATE")
        now += timedelta(minutes=20)
        meanwhile = http.get("/console/lists").status_code
        other.execute("ROLLBACK")
        now += timedelta(minutes=9)
        again = http.get("/console/lists").status_code
        now += timedelta(minutes=20)
        later = http.get("/console/lists").status_code

    assert (meanwhile, again, later) == (200, 200, 200)


def test_behind_a_proxy_that_speaks_https_requests_are_shown_so(api: Client, server: Server) -> None:
    outside = {"Origin": "https://book.example", "Host": "book.example"}
    signed_in = httpx2.post(f"{server.url}/console/sign-in", data={"key": api.key, "token": api.token}, headers=outside)
    cookie = signed_in.headers["set-cookie"].partition(";")[0]

    shown = httpx2.get(f"{server.url}/console/lists", headers={"Host": "book.example", "Cookie": cookie}).text

    assert f"https://book.example/v2/accounts/{api.account}/lists" in shown
    assert "http://book.example" not in shown


def test_a_read_only_key_opens_a_console_that_only_shows(
    enter: Enter, connect: Callable[..., Client], server: Server, new_page: Callable[..., Page]
) -> None:
    owner = connect()
    made = owner.create_list("Friends")
    (contact,) = owner.create_contacts({"number": "+919845000001"})
    reader = connect(owner.account, "--scope", "read")
    page = new_page(server)
    sign_in(page, reader)

    for path in ("/console", "/console/lists", f"/console/lists/{made['sid']}", f"/console/contacts/{contact['sid']}"):
        page.goto(path)
        expect(page.get_by_text("read-only")).to_be_visible()
        sent = {form.get_attribute("action") for form in page.locator("form[method=post]").all()}
        export = f"/console/lists/{made['sid']}/selection/export?account={owner.account}"
        assert sent <= {"/console/sign-out", export}

    http = enter(server, reader)
    refused = http.post(f"/console/lists/{made['sid']}/delete", data={"name": "Friends"})
    assert refused.status_code == 403
    assert "may only read" in refused.text
    assert owner.get(f"/lists/{made['sid']}").status_code == 200


@pytest.mark.parametrize("header", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
def test_another_sites_page_changes_nothing(enter: Enter, header: dict[str, str], api: Client, server: Server) -> None:
    http = enter(server, api)
    made = api.create_list("Friends")

    answer = http.post(f"/console/lists/{made['sid']}/delete", data={"name": "Friends"}, headers=header)

    assert answer.status_code == 403
    assert api.get(f"/lists/{made['sid']}").status_code == 200


def test_a_browser_that_names_another_origin_changes_nothing(enter: Enter, api: Client, server: Server) -> None:
    """Old browsers say no Sec-Fetch-Site, but where the form stands."""
    http = enter(server, api)
    made = api.create_list("Friends")

    answer = http.post(
        f"/console/lists/{made['sid']}/delete", data={"name": "Friends"}, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403
    assert api.get(f"/lists/{made['sid']}").status_code == 200
