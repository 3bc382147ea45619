"""What a dynamic list keeps of the columns of its own that a file has."""

import json
from typing import Any

import pytest

from tests.conftest import NUMBERS, Client, Server, execute
from tests.server.uploads.sending import (
    cells_of,
    csv_report_of,
    members_of,
    refusal_of,
    report_of,
    status_of,
    to_csv,
    upload,
)


def test_a_dynamic_list_shows_what_it_keeps_of_its_members(api: Client, server: Server) -> None:
    (known,) = api.create_contacts({"number": NUMBERS[1], "custom_field": {"plan": "gold"}})
    file = to_csv(["number", "City", "due", "first_name"], [NUMBERS[0], "Kochi", "5", "A"], [NUMBERS[1], "", "", ""])

    answer = upload(api, server, file, type="dynamic")

    shown = members_of(api, answer)
    assert [each["custom_field"] for each in shown] == [{"City": "Kochi", "due": "5"}, {"plan": "gold"}]
    assert [each["custom_field"] for each in members_of(api, answer, sort_by="number")] == [
        {"City": "Kochi", "due": "5"},
        {"plan": "gold"},
    ]
    list_sid = answer.json()["response"]["data"]["summary"]["list_sid"]
    lines = api.request(
        "GET", f"/lists/{list_sid}/contacts", headers={"Accept": "application/x-ndjson"}
    ).text.splitlines()
    assert [json.loads(line) for line in lines] == shown
    assert api.get(f"/contacts/{shown[0]['sid']}").json()["response"]["data"]["custom_field"] is None
    assert api.get(f"/contacts/{known['sid']}").json()["response"]["data"]["custom_field"] == {"plan": "gold"}
    assert api.get(f"/lists/{list_sid}").json()["response"]["data"]["type"] == "dynamic"


def test_a_dynamic_list_keeps_five_columns(api: Client, server: Server) -> None:
    extra = [f"c{i}" for i in range(6)]

    answer = upload(api, server, to_csv(["number", *extra[:5]], [NUMBERS[0], *"abcde"]), type="dynamic")
    refused = api.upload(to_csv(["number", *extra], [NUMBERS[0], *"abcdef"]), "Six", type="dynamic")

    long = upload(api, server, to_csv(["number", "city"], [NUMBERS[0], "x" * 256]), list_name="Long", type="dynamic")

    assert members_of(api, answer)[0]["custom_field"] == dict(zip(extra, "abcde", strict=False))
    (too_long,) = report_of(api, long)
    assert too_long["description"] == "city has 256 characters; at most 255 are allowed."
    assert "6 columns of its own, 'c0', 'c1', 'c2', 'c3', 'c4' and 1 more" in refusal_of(refused)


def test_no_more_columns_are_kept_of_a_member_however_many_uploads_bring_them(api: Client, server: Server) -> None:
    first = upload(api, server, to_csv(["number", *"abcd"], [NUMBERS[0], *"1234"]), type="dynamic")
    file = to_csv(
        ["number", "first_name", "d", "e", "f"],
        [NUMBERS[0], "Too many", "5", "6", "7"],
        [NUMBERS[0], "Five", "8", "9", ""],
        [NUMBERS[0], "Again", "", "", ""],
        [NUMBERS[1], "Joins", "5", "6", "7"],
    )
    before = members_of(api, first)

    dry = upload(api, server, file, type="dynamic", on_duplicate="update", dry_run="true")
    assert members_of(api, first) == before
    real = upload(api, server, file, type="dynamic", on_duplicate="update")

    assert [(row["line"], row["number"], row["reason"], row["description"]) for row in report_of(api, real)] == [
        (
            2,
            NUMBERS[0],
            "value_invalid",
            f"The list would keep 6 columns of its own of {NUMBERS[0]}; a dynamic list keeps up to 5.",
        ),
        (4, NUMBERS[0], "duplicate", f"{NUMBERS[0]} is in the list already, or in an earlier row."),
    ]
    assert [row[:5] for row in cells_of(csv_report_of(api, real))[1:]] == [
        [NUMBERS[0], "Too many", "5", "6", "7"],
        [NUMBERS[0], "Again", "", "", ""],
    ]
    assert report_of(api, dry) == report_of(api, real)
    assert status_of(api, real)["stats"] == {"duplicate": 1, "total": 4, "success": 2, "failed": 1}
    assert status_of(api, dry)["stats"] == status_of(api, real)["stats"]
    assert [(each["first_name"], each["custom_field"]) for each in members_of(api, real)] == [
        ("Five", {"a": "1", "b": "2", "c": "3", "d": "8", "e": "9"}),
        ("Joins", {"d": "5", "e": "6", "f": "7"}),
    ]


def test_of_whom_more_is_kept_from_before_the_limit_what_is_kept_can_be_changed(api: Client, server: Server) -> None:
    answer = upload(api, server, to_csv(["number", "a"], [NUMBERS[0], "1"]), type="dynamic")
    old = dict.fromkeys("abcdef", "1")
    sql = "UPDATE members SET variables = :old WHERE account = :account"
    execute(server.database, sql, account=api.account, old=json.dumps(old))

    again = upload(api, server, to_csv(["number", "a"], [NUMBERS[0], "2"]), type="dynamic", on_duplicate="update")

    assert report_of(api, again) == []
    assert members_of(api, answer)[0]["custom_field"] == {**old, "a": "2"}


@pytest.mark.sqlite
@pytest.mark.parametrize("given", [{}, {"type": ""}])
def test_a_file_for_a_list_that_is_there_need_not_say_its_type(
    given: dict[str, Any], api: Client, server: Server
) -> None:
    first = upload(api, server, to_csv(["number", "city"], [NUMBERS[0], "Pune"]), type="dynamic")

    again = upload(api, server, to_csv(["number", "city"], [NUMBERS[1], "Kochi"]), list_name=" Friends ", **given)
    other = api.upload(to_csv(["number"], [NUMBERS[2]]), type="static")

    assert members_of(api, first) == members_of(api, again)
    assert [member["custom_field"] for member in members_of(api, again)] == [{"city": "Pune"}, {"city": "Kochi"}]
    assert (other.status_code, api.upload(b"number\n", "\0", **given).status_code) == (409, 400)


@pytest.mark.sqlite
def test_a_column_that_is_kept_is_updated_however_another_file_spells_it(api: Client, server: Server) -> None:
    kept = to_csv(["number", "City", "due date", "c", "d", "e"], [NUMBERS[0], "Pune", "5", "3", "4", "5"])
    first = upload(api, server, kept, type="dynamic")
    file = to_csv(["number", "city", "Due_Date", "Plan"], [NUMBERS[0], "Goa", "6", ""], [NUMBERS[1], "Kochi", "", "a"])

    again = upload(api, server, file, type="dynamic", on_duplicate="update")

    assert report_of(api, again) == []
    assert [each["custom_field"] for each in members_of(api, first)] == [
        {"City": "Goa", "due date": "6", "c": "3", "d": "4", "e": "5"},
        {"city": "Kochi", "Plan": "a"},
    ]
