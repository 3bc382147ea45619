"""`dialbook erase` and `dialbook export-subject`: where a person is found, in whatever form the number stands there."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dialbook.settings import Settings
from tests.cli.test_erase import counts, erase, erased, held, run
from tests.conftest import Client, Server, execute, run_cli, serving, work_off
from tests.sqlite import path_of

pytestmark = pytest.mark.sqlite

NUMBER = "+919845076543"
NAME, EMAIL = "Sighted-Name", "sighted@example.org"
AMID_OTHERS = (
    f"{NUMBER} x",
    f"tel:{NUMBER}",
    "98450 76543 (mobile)",
    "9845076543 / 9845000003",
    "+91 98450 76543;ext 4",
)


def traces(database: str) -> list[str]:
    """What is left of the person in the files of a book."""
    path = path_of(database)
    content = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    return [trace for trace in (NAME, EMAIL, *AMID_OTHERS) if trace.encode() in content]


def test_rows_of_reports_are_found_whose_number_stands_amid_other_signs(api: Client, server: Server) -> None:
    rows = [f"{number},{NAME},{EMAIL}" for number in AMID_OTHERS]
    api.upload("\n".join(["number,first_name,email", *rows, "9845000003 x,Somebody,"]).encode(), "Leads")
    work_off(server)
    assert traces(server.database) == [NAME, EMAIL, *AMID_OTHERS]

    found = held(server, api, NUMBER)["upload_reports"]
    receipt = erased(server, api, NUMBER)

    assert [(row["reason"], row["cells"][0]) for row in found] == [("number_invalid", each) for each in AMID_OTHERS]
    assert counts(receipt) == (0, 0, 5, 0)
    assert [row["line"] for row in held(server, api, "9845000003")["upload_reports"]] == [7]
    assert traces(server.database) == []


def test_of_a_kept_answer_what_is_about_the_person_is_shown_and_nothing_of_others(api: Client, server: Server) -> None:
    """For a day it may be all that there is of somebody who was deleted."""
    person = {"number": NUMBER, "first_name": NAME, "email": EMAIL, "custom_field": {"size": 1.10}}
    others = {"number": "+919845000003", "first_name": "Somebody"}
    keyed(api, "POST", "/contacts", "made", {"contacts": [others, person]})
    sid = api.get("/contacts", name=NAME).json()["response"][0]["data"]["sid"]
    api.delete(f"/contacts/{sid}")

    (answer,) = held(server, api, NUMBER)["answers"]

    assert (answer["key"], answer["moment"][-1]) == ("made", "Z")
    (item,) = answer["items"]
    assert item["code"] == 200
    assert {name: item["data"][name] for name in person} == person


def test_items_are_found_by_the_sid_and_what_has_none_by_its_key(api: Client, server: Server) -> None:
    """The number was another one."""
    (contact,) = api.create_contacts({"number": "+919845000003"})
    keyed(api, "PUT", f"/contacts/{contact['sid']}", "before", {"first_name": NAME})
    keyed(api, "POST", "/lists", NUMBER, {"lists": [{"name": "Friends"}]})
    api.put(f"/contacts/{contact['sid']}", {"number": NUMBER})

    found = {answer["key"]: answer["items"] for answer in held(server, api, NUMBER)["answers"]}

    assert found[NUMBER] == []
    assert [item["data"]["number"] for item in found["before"]] == ["+919845000003"]


def test_lists_whose_name_or_tag_has_the_number_are_named_and_left(api: Client, server: Server) -> None:
    named, tagged = api.create_list("Calls of 98450 76543"), api.create_list("Friends", tag=NUMBER)
    api.create_list("98450 76544")

    shown = held(server, api, NUMBER)["named_lists"]
    printed, receipt = erase(server, api, NUMBER, "--yes"), erased(server, api, NUMBER)

    assert shown == [
        {"list_sid": each["sid"], "list_name": each["name"], "list_tag": each["tag"]} for each in (named, tagged)
    ]
    assert receipt["named_lists"] == [named["sid"], tagged["sid"]]
    assert [f"list {sid} of account {api.account}" in printed.stdout for sid in receipt["named_lists"]] == [True, True]
    assert "Nothing was found" not in printed.stderr
    assert held(server, api, NUMBER)["named_lists"] == shown


def test_the_receipt_says_what_is_not_looked_through(api: Client, server: Server) -> None:
    said = erase(server, api, NUMBER, "--yes").stderr

    assert "fields of other contacts, and names of columns and of API keys, which are not looked through" in said
    assert "another number that the person had: ask again for each" in said
    assert "what dialbook pull keeps between runs, in its user's state folder" in said
    assert all(each in said for each in erased(server, api, NUMBER)["may_remain_in"])


def keyed(client: Client, method: str, path: str, key: str, body: dict[str, Any]) -> None:
    """Ask for a change whose answer is kept."""
    client.request(method, path, json=body, headers={"Idempotency-Key": key})


def test_a_log_that_takes_no_entry_keeps_what_others_hold_from_nobody(
    new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    """What is given is noted, and what is noted is given."""
    with serving(Settings(database=new_database())) as server:
        clients = [new_client(server, account) for account in ("damaged", "sound")]
        for client in clients:
            client.create_contacts({"number": NUMBER})
        execute(server.database, "DELETE FROM audit_chains WHERE account = :account", account="damaged")

        result = run("export-subject", NUMBER, "--all-accounts", "--database", server.database)

        (given,) = msgspec.json.decode(result.stdout)
        assert (result.exit_code, given["account_sid"], given["contact"]["number"]) == (1, "sound", NUMBER)
        assert "Error: Account damaged: The account's audit log is damaged" in result.stderr
        query = ("audit", "query", "--action", "export_subject", "--all", "--database", server.database)
        assert [len(run_cli(*query, client.account)) for client in clients] == [0, 1]
