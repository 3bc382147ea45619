"""Numbers, names and secrets do not reach what is written beside the database."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from dialbook.model.credentials import TOKEN, may_be_credentials, new_key, new_token
from tests.conftest import run_cli
from tests.processes import children, run_program, started
from tests.sqlite import beside

NUMBER, NAME, EMAIL = "+919845098765", "Canary-Name", "canary@example.org"
ROOT = Path(__file__).parent.parent
TEXTS = {".md", ".py", ".txt", ".yaml", ".json", ".toml", ".js", ".sh", ".go", ".php", ".mjs", ".html"}
TRIGRAM = "y-n"  # a run of three characters of the name, by which it is looked up


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_log_has_a_line_for_each_request_and_nothing_personal(level: str, database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    auth = httpx2.BasicAuth(key["api_key"], key["api_token"])
    contact = {"number": NUMBER, "first_name": NAME, "email": EMAIL}
    with started("serve", "--port", "0", "--database", database, folder=tmp_path, DIALBOOK_LOG_LEVEL=level) as server:
        with httpx2.Client(base_url=f"{server.url}/v2/accounts/acme", auth=auth) as http:
            http.post("/contacts", json={"contacts": [contact, contact, {"number": f"{NUMBER}0"}, {"number": [NAME]}]})
            http.get("/contacts", params={"name": NAME})
            http.get(f"/contacts/{NUMBER}")
            http.get("/contacts", auth=(key["api_key"], NAME))
            http.post("/contacts", content=f'{{"contacts": [{{"number": "{NUMBER}"')
        server.stop()
        log = server.errors

    lines = re.findall(r"INFO dialbook\.request [0-9a-f]{32} (\S+) (\w+) (\d+) \d+\.\d ms$", log, re.MULTILINE)
    assert lines == [
        ("acme", "create_contacts", "207"),
        ("acme", "list_contacts", "200"),
        ("acme", "get_contact", "404"),
        ("-", "list_contacts", "401"),
        ("acme", "create_contacts", "400"),
    ]
    for secret in (NUMBER, NUMBER[1:], NAME, EMAIL, key["api_key"], key["api_token"]):
        assert secret not in log


def test_the_log_as_json_has_the_same_fields(database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    auth = httpx2.BasicAuth(key["api_key"], key["api_token"])
    with started("serve", "--port", "0", "--database", database, folder=tmp_path, DIALBOOK_LOG_FORMAT="json") as server:
        answers = [
            httpx2.get(f"{server.url}/v2/accounts/acme/contacts", auth=auth),
            httpx2.get(f"{server.url}/v2/accounts/acme/contacts"),
            httpx2.get(f"{server.url}/nowhere"),
        ]
        server.stop()
        lines = [json.loads(line) for line in server.errors.splitlines()]

    requests = [line for line in lines if line["logger"] == "dialbook.request"]
    assert [line["request_id"] for line in requests] == [answer.json()["request_id"] for answer in answers]
    assert [(line["account"], line["operation"], line["status"]) for line in requests] == [
        ("acme", "list_contacts", 200),
        (None, "list_contacts", 401),
        (None, None, 404),
    ]
    assert all(
        line.keys() == {"time", "level", "logger", "request_id", "account", "operation", "status", "ms"}
        for line in requests
    )
    assert all(line["ms"] >= 0 for line in requests)
    others = [line for line in lines if line not in requests]
    assert others
    assert all(line.keys() == {"time", "level", "logger", "message"} for line in others)


@pytest.mark.sqlite
def test_so_is_why_uploads_are_not_worked_off(database: str, tmp_path: Path) -> None:
    book = Path(database.removeprefix("sqlite:///"))
    with started("serve", "--port", "0", "--database", database, folder=tmp_path, DIALBOOK_LOG_FORMAT="json") as server:
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        book.rename(tmp_path / "away.db")
        book.write_text("No book.")
        for process in children(server.process.pid):  # there is none where it has ended by itself
            os.kill(process, signal.SIGKILL)
        while "Uploads are not worked off: " not in server.errors:
            pass
        server.stop()
        lines = [json.loads(line) for line in server.errors.splitlines()]

    why = next(line for line in lines if "Uploads are not worked off: " in line.get("message", ""))
    assert (why["level"], why["logger"]) == ("ERROR", "dialbook.jobs")


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_token_that_somebody_logs_is_masked(format_: str) -> None:
    """None of ours does; a library may, and so may who looks for a bug."""
    token = new_token()
    program = (
        f"import logging; from dialbook.log import configure_logging; configure_logging('info', '{format_}');"
        f"logging.warning('refused %s', '{token}'); logging.exception('of', exc_info=ValueError('{token}'))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "refused dbk_***" in done.stderr
    assert token not in done.stderr


@pytest.mark.parametrize("format_", ["text", "json"])
def test_an_event_is_one_line_whatever_a_library_says(format_: str) -> None:
    program = (
        f"import logging; from dialbook.log import configure_logging; configure_logging('info', '{format_}');"
        "logging.warning('refused:\\n\\tnobody listens'); logging.exception('of', exc_info=ValueError('two\\nlines'))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    first, second = done.stderr.splitlines()
    assert r"refused:\n" in first
    assert "ValueError" in second


def test_of_a_bug_that_nobody_has_caught_the_text_is_not_logged() -> None:
    """Whoever logs it: a library with its traceback, or an event loop."""
    program = f"""
import asyncio, gc, logging
from dialbook.log import configure_logging, log_bugs_of

async def fail():
    raise ValueError("{NUMBER}")

async def main():
    log_bugs_of(asyncio.get_running_loop())
    asyncio.create_task(fail())
    asyncio.get_running_loop().call_soon(int, "{NAME}")
    await asyncio.sleep(0.01)
    gc.collect()
    try:
        await fail()
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")

configure_logging("debug", "text")
asyncio.run(main())
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr.count("ValueError") == 3
    assert NUMBER not in done.stderr
    assert NAME not in done.stderr


def test_a_token_on_a_command_line_is_not_repeated(database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    token = new_token()

    done = run_program("key", "list", token, "--database", database, folder=tmp_path)

    assert done.stderr == "Error: There is no account 'dbk_***'.\n"


def test_no_token_lies_about() -> None:
    """None that was once given to somebody was written into a file here."""
    texts = [path for path in ROOT.rglob("*") if path.suffix in TEXTS and not {".venv", ".git"} & {*path.parts}]
    found = {token for path in texts for token in re.findall(TOKEN, path.read_text(errors="replace"))}

    assert len(texts) > 100
    assert [token for token in found if may_be_credentials(new_key(), token)] == []


def test_the_token_is_in_no_file(database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)

    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert files
    assert all(key["api_token"].encode() not in path.read_bytes() for path in files)


def test_a_deleted_contact_leaves_no_bytes(database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    auth = httpx2.BasicAuth(key["api_key"], key["api_token"])
    with (
        started("serve", "--port", "0", "--database", database, folder=tmp_path) as server,
        httpx2.Client(base_url=f"{server.url}/v2/accounts/acme", auth=auth) as http,
    ):
        made = http.post("/contacts", json={"contacts": [{"number": NUMBER, "first_name": NAME, "email": EMAIL}]})
        http.delete(f"/contacts/{made.json()['response'][0]['data']['sid']}")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    for trace in (NUMBER, NAME, EMAIL, NAME.casefold(), TRIGRAM):
        assert all(trace.encode() not in path.read_bytes() for path in files), trace


def test_an_unexpected_error_is_answered_in_the_envelope_and_logged_without_its_message(
    database: str, tmp_path: Path
) -> None:
    """What somebody's trigger raises is no trouble that an operator's file may have: it is answered as a bug is."""
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    with started("serve", "--port", "0", "--database", database, folder=tmp_path) as server:
        connection = beside(database)
        connection.execute(
            f"CREATE TRIGGER foreign_rule BEFORE INSERT ON contacts BEGIN SELECT RAISE(ABORT, '{NAME}'); END"
        )
        connection.close()
        answer = httpx2.post(
            f"{server.url}/v2/accounts/acme/contacts",
            json={"contacts": [{"number": NUMBER}]},
            auth=(key["api_key"], key["api_token"]),
        )
        server.stop()
        log = server.errors

    envelope = answer.json()
    assert (answer.status_code, envelope["response"]["error_data"]["code"]) == (500, 1004)
    assert f"request {envelope['request_id']} failed: ConstraintError at " in log
    assert NAME not in log + answer.text
