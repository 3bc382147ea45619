"""Many callers at once: the unique keys decide, nothing is made twice, every counter stays right."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dialbook.settings import Settings
from dialbook.store.group_commit import WAITING_LIMIT
from tests.conftest import NUMBERS, Client, Server, run_cli, serving
from tests.sqlite import beside

CALLERS = 50
CROWD = WAITING_LIMIT + 40
UNLIMITED = httpx2.Limits(max_connections=None)


def at_once(fn: Callable[[int], Any]) -> list[Any]:
    """What `fn` returns to each of many callers that start together."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(fn, range(CALLERS)))


def only_items(answers: list[Any]) -> list[dict[str, Any]]:
    return [answer.json()["response"][0] for answer in answers]


def test_one_number_makes_one_contact(api: Client) -> None:
    items = only_items(at_once(lambda i: api.post("/contacts", {"contacts": [{"number": NUMBERS[0], "tag": str(i)}]})))

    (winner,) = [item["data"] for item in items if item["code"] == 200]
    assert [item["data"] for item in items if item["code"] == 409] == [winner] * (CALLERS - 1)
    assert api.get("/contacts").json()["metadata"]["total"] == 1


def test_one_name_makes_one_list(api: Client) -> None:
    items = only_items(at_once(lambda _: api.post("/lists", {"lists": [{"name": "Everyone"}]})))

    assert sorted(item["code"] for item in items) == [200] + [409] * (CALLERS - 1)
    assert api.get("/lists").json()["metadata"]["total"] == 1


def test_one_contact_joins_once(api: Client) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    made = api.create_list()

    items = only_items(at_once(lambda _: api.add_members(made["sid"], contact["sid"])))

    assert sorted(item["code"] for item in items) == [200] + [409] * (CALLERS - 1)
    assert {item["data"]["sid"] for item in items} == {contact["sid"]}
    assert api.get(f"/lists/{made['sid']}").json()["response"]["data"]["contact_count"] == 1


def test_changes_of_different_fields_are_all_kept(api: Client) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    fields = ["first_name", "last_name", "company_name", "email", "tag"]

    at_once(lambda i: api.put(f"/contacts/{contact['sid']}", {fields[i % 5]: "set"}))

    found = api.get(f"/contacts/{contact['sid']}").json()["response"]["data"]
    assert {field: found[field] for field in fields} == dict.fromkeys(fields, "set")


def test_one_contact_is_deleted_once(api: Client) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})

    answers = at_once(lambda _: api.delete(f"/contacts/{contact['sid']}"))

    assert sorted(answer.status_code for answer in answers) == [200] + [404] * (CALLERS - 1)
    assert api.get("/contacts").json()["metadata"]["total"] == 0


def test_one_contact_leaves_once(api: Client) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    made = api.create_list()
    api.add_members(made["sid"], contact["sid"])

    answers = at_once(lambda _: api.delete(f"/lists/{made['sid']}/contacts/{contact['sid']}"))

    assert sorted(answer.status_code for answer in answers) == [200] + [404] * (CALLERS - 1)
    assert api.get(f"/lists/{made['sid']}").json()["response"]["data"]["contact_count"] == 0


@pytest.mark.parametrize("kind", ["contacts", "lists"])
def test_of_changes_with_one_tag_one_is_made(kind: str, api: Client) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    path = f"/{kind}/{contact['sid'] if kind == 'contacts' else api.create_list()['sid']}"
    expected = {"If-Match": api.get(path).headers["etag"]}

    answers = at_once(lambda i: api.request("PUT", path, json={"tag": f"by {i}"}, headers=expected))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * (CALLERS - 1)
    (winner,) = [answer for answer in answers if answer.status_code == 200]
    now = api.get(path)
    assert now.json()["response"] == winner.json()["response"]
    assert now.headers["etag"] == winner.headers["etag"] != expected["If-Match"]


def test_of_changes_and_deletions_with_one_tag_one_is_made(api: Client) -> None:
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    path = f"/contacts/{contact['sid']}"
    expected = {"If-Match": api.get(path).headers["etag"]}

    answers = at_once(
        lambda i: api.request(("PUT", "DELETE")[i % 2], path, json={"tag": f"by {i}"}, headers=expected).status_code
    )

    assert answers.count(200) == 1
    assert set(answers) - {200} in ({412}, {404})


def test_overlapping_bulks_make_each_contact_once(api: Client) -> None:
    """Each caller sends 40 of 60 numbers; each number is a success exactly once."""

    def send(i: int) -> Any:
        numbers = [NUMBERS[(i + k) % 60] for k in range(40)]
        return api.post("/contacts", {"contacts": [{"number": number} for number in numbers]}).json()

    envelopes = at_once(send)

    made = [item["data"]["number"] for envelope in envelopes for item in envelope["response"] if item["code"] == 200]
    assert sorted(made) == sorted(NUMBERS[:60])
    assert api.get("/contacts").json()["metadata"]["total"] == 60


@pytest.mark.sqlite
def test_more_changes_than_may_wait_are_refused_at_once(tmp_path: Path, connect: Callable[..., Client]) -> None:
    """Another process holds the file's lock, so that nothing is changed until one caller has been refused."""
    with serving(Settings(database=f"sqlite:///{tmp_path / 'book.db'}", max_requests=4 * CROWD)) as server:
        client = connect("crowd", to=server)
        lock = beside(tmp_path / "book.db")
        lock.execute("BEGIN IMMEDIATE")
        http = httpx2.Client(base_url=server.url, auth=client.http.auth, verify=False, timeout=60, limits=UNLIMITED)
        path = f"/v2/accounts/{client.account}/contacts"
        with http, ThreadPoolExecutor(CROWD) as pool:
            bodies = [{"contacts": [{"number": number}]} for number in NUMBERS[:CROWD]]
            calls = [pool.submit(http.post, path, json=body) for body in bodies]
            refused = next(as_completed(calls)).result()
            lock.execute("ROLLBACK")
            statuses = [call.result().status_code for call in calls]

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert set(statuses) == {200, 503}
        assert client.get("/contacts").json()["metadata"]["total"] == statuses.count(200)


@pytest.mark.sqlite
def test_all_who_wait_for_a_locked_file_are_refused_together(tmp_path: Path, connect: Callable[..., Client]) -> None:
    """Each on its own would wait for as long as the file's lock may take, one after the other."""
    with serving(Settings(database=f"sqlite:///{tmp_path / 'book.db'}")) as server:
        client = connect("patient", to=server)
        lock = beside(tmp_path / "book.db")
        lock.execute("BEGIN IMMEDIATE")
        http = httpx2.Client(base_url=server.url, auth=client.http.auth, verify=False, timeout=12)
        with http, ThreadPoolExecutor(6) as pool:
            path = f"/v2/accounts/{client.account}/contacts"
            statuses = pool.map(lambda i: http.post(path, json={"contacts": [{"number": NUMBERS[i]}]}), range(6))
            assert {answer.status_code for answer in statuses} == {503}
        lock.execute("ROLLBACK")

        assert client.post("/contacts", {"contacts": [{"number": NUMBERS[0]}]}).status_code == 200


def test_a_mixed_crowd_leaves_every_counter_right(api: Client, server: Server) -> None:
    contacts = api.create_contacts(*({"number": number} for number in NUMBERS[:20]))
    lists = [api.create_list(f"List {i}")["sid"] for i in range(3)]

    def act(i: int) -> int:
        sid, target = contacts[i % 20]["sid"], lists[i % 3]
        actions = [
            lambda: api.add_members(target, *(contact["sid"] for contact in contacts)),
            lambda: api.delete(f"/lists/{target}/contacts/{sid}"),
            lambda: api.delete(f"/contacts/{sid}"),
            lambda: api.put(f"/contacts/{sid}", {"tag": str(i)}),
            lambda: api.post("/contacts", {"contacts": [{"number": NUMBERS[100 + i]}]}),
        ]
        return actions[i % len(actions)]().status_code

    assert set(at_once(act)) <= {200, 207, 404}

    checks = run_cli("doctor", "--database", server.database)
    assert [check for check in checks if not check["ok"]] == []
