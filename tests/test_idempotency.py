"""A change that is sent again with its `Idempotency-Key` is made once, and answered each time as the first time."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal

from dialbook.server.app import OPERATIONS
from dialbook.settings import Settings
from dialbook.store.database import Database
from dialbook.store.engines import open_database
from dialbook.store.idempotency import STEP, forget_answers
from tests.conftest import NUMBERS, Client, Server, forget_old, run_cli, serving, work_off
from tests.processes import started
from tests.test_concurrency import at_once

CHANGES = sorted(
    handler.__name__ for handlers in OPERATIONS.values() for method, handler in handlers.items() if method != "GET"
)
KEY = {"Idempotency-Key": "once"}
FRIENDS = {"lists": [{"name": "Friends"}]}
DAY = timedelta(hours=24)

Change = dict[str, Any]


@pytest.fixture
def changes(api: Client) -> dict[str, Change]:
    """Every change that there is, ready to be asked for."""
    asha, ravi = (each["sid"] for each in api.create_contacts({"number": NUMBERS[0]}, {"number": NUMBERS[1]}))
    made = api.create_list("Friends")["sid"]
    api.add_members(made, asha)
    upload = api.upload(b"number\n", "Waiting").json()["response"]["data"]["summary"]["upload_id"]
    references = [{"contact_sid": sid} for sid in (asha, ravi)]
    return {
        "create_contacts": change("POST", "/contacts", {"contacts": [{"number": NUMBERS[2]}, {"number": "none"}]}),
        "update_contacts": change("PUT", "/contacts", {"contacts": [{"sid": asha, "tag": "lead"}]}),
        "update_contact": change("PUT", f"/contacts/{asha}", {"tag": "lead"}),
        "delete_contacts": change("DELETE", "/contacts", {"contacts": [{"sid": asha}, {"number": "none"}]}),
        "delete_contact": change("DELETE", f"/contacts/{asha}"),
        "create_lists": change("POST", "/lists", {"lists": [{"name": "Foes"}]}),
        "update_lists": change("PUT", "/lists", {"lists": [{"sid": made, "tag": "march"}]}),
        "update_list": change("PUT", f"/lists/{made}", {"tag": "march"}),
        "delete_list": change("DELETE", f"/lists/{made}"),
        "add_members": change("POST", f"/lists/{made}/contacts", {"contact_references": references}),
        "remove_members": change("DELETE", f"/lists/{made}/contacts", {"contact_references": references}),
        "remove_member": change("DELETE", f"/lists/{made}/contacts/{asha}"),
        "upload_csv": form(b"number\n", "Friends"),
        "cancel_upload": change("DELETE", f"/csv-status/{upload}"),
    }


def change(method: str, path: str, body: Any = None) -> Change:
    return {"method": method, "path": path, "json": body}


def form(file: bytes, list_name: str, file_name: str = "contacts.csv", **fields: str) -> Change:
    files = {"file_name": (file_name, file, "text/csv")}
    return {
        "method": "POST",
        "path": "/contacts/csv-upload",
        "data": {"list_name": list_name, **fields},
        "files": files,
    }


def is_replayed(answer: httpx2.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def shown(api: Client) -> list[tuple[Any, str | None]]:
    """All that the account has, with the tags that move with each change."""
    lists = [item["data"]["sid"] for item in api.get("/lists").json()["response"]]
    paths = ["/contacts", "/lists", "/csv-status", *(f"/lists/{sid}/contacts" for sid in lists)]
    answers = [api.get(path) for path in paths]
    return [(answer.json()["response"], answer.headers.get("etag")) for answer in answers]


def run(server: Server, call: Callable[[Database], Any]) -> Any:
    """Do something with a server's database."""
    with closing(open_database(server.database)) as db, start_blocking_portal() as portal:
        return portal.call(call, db)


# The same request


@pytest.mark.parametrize("operation", CHANGES)
def test_a_change_that_comes_again_is_answered_as_the_first_time(
    operation: str, api: Client, changes: dict[str, Change]
) -> None:
    first = api.request(**changes[operation], headers=KEY)
    api.create_list("Meanwhile")
    before = shown(api)

    again = api.request(**changes[operation], headers=KEY)

    assert first.status_code in {200, 202, 207}
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.get("etag") == first.headers.get("etag")
    assert (is_replayed(first), is_replayed(again)) == (False, True)
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == "once"
    assert shown(api) == before


def test_without_a_key_nothing_is_said_of_any(api: Client) -> None:
    answer = api.post("/lists", FRIENDS)

    assert not {"idempotency-key", "idempotent-replayed"} & answer.headers.keys()


def test_a_key_is_passed_over_where_nothing_is_changed(api: Client) -> None:
    answers = [api.request("GET", "/lists", headers={"Idempotency-Key": "no key"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert "idempotency-key" not in answers[1].headers


def test_a_large_request_is_known_again(api: Client) -> None:
    body = {"contacts": [{"number": number, "first_name": "Asha"} for number in NUMBERS[:2000]]}
    other = {"contacts": [*body["contacts"][:-1], {"number": NUMBERS[3000], "first_name": "Asha"}]}

    first, again, changed = (api.request("POST", "/contacts", json=each, headers=KEY) for each in (body, body, other))

    assert is_replayed(again)
    assert again.content == first.content
    assert changed.status_code == 422
    assert api.get("/contacts").json()["metadata"]["total"] == 2000


# Another request


@pytest.mark.parametrize(
    "other",
    [
        {"method": "PUT"},
        {"path": "/lists"},
        {"path": "/contacts?once=more"},
        {"headers": KEY},  # without a type the body is read as JSON all the same
        {"content": json.dumps({"contacts": [{"number": NUMBERS[1]}], **FRIENDS}).encode()},
    ],
)
def test_a_key_is_for_one_request(other: Change, api: Client) -> None:
    request: Change = {
        "method": "POST",
        "path": "/contacts",
        "headers": {"Content-Type": "application/json", **KEY},
        "content": json.dumps({"contacts": [{"number": NUMBERS[0]}], **FRIENDS}).encode(),
    }
    api.request(**request)
    before = shown(api)

    refused = api.request(**request | other)

    assert refused.status_code == 422
    assert shown(api) == before
    assert is_replayed(api.request(**request))


@pytest.mark.parametrize(
    ("other", "status"),
    [
        (form(b"number\n1\n", "Friends"), 422),
        (form(b"number\n", "Foes"), 422),
        (form(b"number\n", "Friends", dry_run="true"), 422),
        (form(b"number\n", "Friends", "other.csv"), 202),
    ],
)
def test_a_form_is_told_by_its_fields_and_its_file(other: Change, status: int, api: Client) -> None:
    """Whoever sends it again puts another boundary into it."""
    api.request(**form(b"number\n", "Friends"), headers=KEY)

    again = api.request(**other, headers=KEY)

    assert again.status_code == status
    assert is_replayed(again) == (status == 202)
    assert api.get("/csv-status").json()["metadata"]["total"] == 1


def test_the_file_of_an_upload_that_comes_again_does_not_stay(
    new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    with serving(Settings(database=new_database())) as server:
        client = new_client(server)
        for _ in range(3):
            client.request(**form(b"number\n", "Friends"), headers=KEY)
        work_off(server)

        assert [path.name for path in Path(server.settings.upload_folder).glob("*/*")] == ["folder-name"]


def test_each_account_has_keys_of_its_own(connect: Callable[..., Client]) -> None:
    answers = [connect().request("POST", "/lists", json=FRIENDS, headers=KEY) for _ in range(2)]

    assert not any(is_replayed(answer) for answer in answers)
    assert answers[0].json()["response"][0]["data"]["sid"] != answers[1].json()["response"][0]["data"]["sid"]
    assert answers[0].json()["request_id"] != answers[1].json()["request_id"]


def test_a_key_may_be_used_by_another_api_key_of_its_account(connect: Callable[..., Client]) -> None:
    one = connect()

    first, again = (
        caller.request("POST", "/lists", json=FRIENDS, headers=KEY) for caller in (one, connect(one.account))
    )

    assert again.content == first.content


# Refusals


def test_a_refusal_is_not_kept(api: Client) -> None:
    refused = api.request("POST", "/lists", json={"lists": []}, headers=KEY)
    mended = api.request("POST", "/lists", json=FRIENDS, headers=KEY)

    assert refused.status_code == 400
    assert mended.status_code == 200
    assert not is_replayed(mended)


def test_a_change_whose_condition_does_not_hold_can_be_asked_for_under_another(api: Client) -> None:
    path = f"/lists/{api.create_list()['sid']}"
    tag = api.get(path).headers["etag"]

    def rename(condition: str) -> httpx2.Response:
        return api.request("PUT", path, json={"name": "Foes"}, headers={"If-Match": condition, **KEY})

    answers = [rename('"other"'), rename(tag), rename(tag)]

    assert [answer.status_code for answer in answers] == [412, 200, 200]
    assert [is_replayed(answer) for answer in answers] == [False, False, True]


@pytest.mark.parametrize("keys", [[""], ["two words"], ["é"], ["x" * 256], ["one", "two"]])
def test_what_is_no_key_is_refused(keys: list[str], api: Client) -> None:
    headers = [(b"Idempotency-Key", key.encode()) for key in keys]

    refused = api.request("POST", "/lists", json=FRIENDS, headers=headers)
    upload = api.request(**form(b"number\n", "Friends"), headers=headers)

    assert [refused.status_code, upload.status_code] == [400, 400]
    assert "1 to 255 visible ASCII characters" in refused.text
    assert shown(api)[1:] == [([], None), ([], None)]


@pytest.mark.parametrize("key", ["!", "~" * 255, '"quoted"', "'OR''='"])
def test_whatever_is_visible_is_a_key(key: str, api: Client) -> None:
    answers = [api.request("POST", "/lists", json=FRIENDS, headers={"Idempotency-Key": key}) for _ in range(2)]

    assert [is_replayed(answer) for answer in answers] == [False, True]
    assert answers[1].headers["idempotency-key"] == key


# Many at once


@pytest.mark.parametrize("operation", ["create_lists", "delete_contact", "upload_csv"])
def test_of_many_at_once_one_is_made(operation: str, api: Client, changes: dict[str, Change]) -> None:
    uploads = api.get("/csv-status").json()["metadata"]["total"]

    asked = at_once(lambda _: api.request(**changes[operation], headers=KEY))

    # So many uploads are too many at once, and some are told to come again.
    answers = [answer for answer in asked if answer.status_code != 429 or operation != "upload_csv"]
    assert len({answer.content for answer in answers}) == 1
    assert [is_replayed(answer) for answer in answers].count(False) == 1
    made = api.get("/csv-status").json()["metadata"]["total"] - uploads
    assert made == (operation == "upload_csv")


# For how long


def test_an_answer_is_kept_for_a_day(api: Client, server: Server) -> None:
    def ask() -> httpx2.Response:
        return api.request("POST", "/lists", json=FRIENDS, headers=KEY)

    first, now = ask(), datetime.now(UTC)

    forget_old(server, now + DAY - timedelta(minutes=5))
    kept = ask()
    forget_old(server, now + DAY + timedelta(minutes=5))
    anew = ask()

    assert first.status_code == 200
    assert is_replayed(kept)
    assert not is_replayed(anew)
    assert anew.status_code == 207  # there is a list of this name


def test_many_answers_are_forgotten_step_by_step(api: Client, server: Server) -> None:
    for n in range(STEP + 5):
        api.request("POST", "/lists", json={"lists": [{"name": f"{n}"}]}, headers={"Idempotency-Key": f"{n}"})
    tomorrow = datetime.now(UTC) + DAY

    steps = [run(server, lambda db: db.write(forget_answers, api.account, before=tomorrow)) for _ in range(3)]

    assert steps == [STEP, 5, 0]


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_loses_no_answer(
    jump: timedelta, new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    times = [datetime.now(UTC)]
    with serving(Settings(database=new_database()), clock=lambda: times[-1]) as server:
        client = new_client(server)
        first = client.request("POST", "/lists", json=FRIENDS, headers=KEY)
        times.append(times[0] + jump)
        again = client.request("POST", "/lists", json=FRIENDS, headers=KEY)

    assert again.content == first.content


def test_the_process_beside_a_server_forgets(
    new_database: Callable[[], str], new_client: Callable[..., Client], tmp_path: Path
) -> None:
    database, past = new_database(), datetime.now(UTC) - timedelta(hours=3)
    with serving(Settings(database=database), clock=lambda: past) as before:
        client = new_client(before)
        client.request("POST", "/lists", json=FRIENDS, headers=KEY)
    options = {"DIALBOOK_IDEMPOTENCY_HOURS": "2", "DIALBOOK_UPLOAD_FOLDER": str(tmp_path / "uploads")}

    with started("serve", "--database", database, "--port", "0", folder=tmp_path, **options) as server:
        url = f"{server.url}/v2/accounts/{client.account}/lists"
        while is_replayed(answer := client.http.post(url, json=FRIENDS, headers=KEY)):
            pass

    assert answer.status_code == 207


def test_answers_that_name_somebody_can_be_forgotten(api: Client, server: Server) -> None:
    def create(number: str) -> httpx2.Response:
        body = {"contacts": [{"number": number}]}
        return api.request("POST", "/contacts", json=body, headers={"Idempotency-Key": number})

    for number in NUMBERS[: STEP + 2]:
        create(number)

    wanted = [NUMBERS[0], NUMBERS[STEP + 1]]
    for number in wanted:
        receipt = run_cli("erase", number, "--account", api.account, "--yes", "--database", server.database)
        assert receipt["accounts"][0]["answers"] == 1

    assert [is_replayed(create(number)) for number in (*wanted, NUMBERS[1])] == [False, False, True]


def test_answers_go_with_their_account(new_database: Callable[[], str], new_client: Callable[..., Client]) -> None:
    with serving(Settings(database=new_database())) as server:
        client = new_client(server)
        client.request("POST", "/lists", json=FRIENDS, headers=KEY)

        run_cli("account", "delete", client.account, "--yes", "--database", server.database)
        run_cli("account", "create", client.account, "--database", server.database)
        again = new_client(server, client.account).request("POST", "/lists", json=FRIENDS, headers=KEY)

    assert not is_replayed(again)
    assert again.status_code == 200
