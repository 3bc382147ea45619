"""What who uploads can choose, and how an upload ends that does not complete."""

from collections.abc import Callable

import pytest

from tests.conftest import CHUNK, NUMBERS, Client, Server, read_rows, run_cli, turns, work_off
from tests.server.uploads.sending import (
    files_in,
    folder_of,
    members_of,
    report_of,
    status_of,
    to_csv,
    upload,
    upload_of,
)


def test_an_update_fills_in_what_the_row_gives(api: Client, server: Server) -> None:
    api.create_contacts(
        {"number": NUMBERS[0], "first_name": "Old", "tag": "kept"}, {"number": NUMBERS[1], "first_name": "Old"}
    )
    members = to_csv(["number", "city", "due"], [NUMBERS[0], "Kochi", "5"], [NUMBERS[3], "", ""])
    before = upload(api, server, members, type="dynamic")
    file = to_csv(
        ["number", "first_name", "tag", "city"],
        [NUMBERS[0], "New", "", "Pune"],
        [NUMBERS[0], "Again", "", "Goa"],
        [NUMBERS[1], "New", "", ""],
        [NUMBERS[2], "First", "", ""],
        [NUMBERS[3], "", "", "Goa"],
    )

    answer = upload(api, server, file, type="dynamic", on_duplicate="update")

    assert status_of(api, answer)["stats"] == {"duplicate": 1, "total": 5, "success": 4, "failed": 0}
    assert [
        (each["number"], each["first_name"], each["tag"], each["custom_field"]) for each in members_of(api, before)
    ] == [
        (NUMBERS[0], "New", "kept", {"city": "Pune", "due": "5"}),
        (NUMBERS[3], None, None, {"city": "Goa"}),
        (NUMBERS[1], "New", None, None),
        (NUMBERS[2], "First", None, None),
    ]


def test_a_duplicate_is_found_across_chunks_also_when_it_would_be_filled_in(api: Client, server: Server) -> None:
    firsts = [[number, "First"] for number in NUMBERS[: CHUNK + 10]]
    file = to_csv(["number", "first_name"], *firsts, [NUMBERS[0], "Second"])

    answer = upload(api, server, file, on_duplicate="update")

    stats = {"duplicate": 1, "total": CHUNK + 11, "success": CHUNK + 10, "failed": 0}
    assert status_of(api, answer)["stats"] == stats
    assert members_of(api, answer)[0]["first_name"] == "First"
    noted = "SELECT n.number FROM upload_numbers AS n WHERE n.account = :account"
    assert read_rows(server.database, noted, account=api.account) == []  # at its end nobody needs them


@pytest.mark.parametrize("on_duplicate", ["skip", "update"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_dry_run_reports_the_same_and_writes_nothing(
    on_duplicate: str, is_there: bool, connect: Callable[..., Client], small: Server
) -> None:
    api = connect(to=small)
    api.create_contacts({"number": NUMBERS[0], "first_name": "Old"})
    if is_there:
        upload(api, small, to_csv(["number"], *[[number] for number in NUMBERS[1:6]]))
    file = to_csv(["number", "first_name"], *[[n, "New"] for n in (NUMBERS[0], *NUMBERS[4:11], NUMBERS[8], "bad")])
    before = api.get("/contacts").json()["response"], api.get("/lists").json()["response"]

    dry = upload(api, small, file, dry_run="true", on_duplicate=on_duplicate)

    assert (api.get("/contacts").json()["response"], api.get("/lists").json()["response"]) == before
    dry_status, dry_report = status_of(api, dry), report_of(api, dry)
    real = upload(api, small, file, on_duplicate=on_duplicate)
    assert dry_status["stats"] == status_of(api, real)["stats"]
    assert dry_report == report_of(api, real)
    assert (dry_status["list_sid"] is None) is not is_there


def test_a_cancelled_upload_stays_where_it_is(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], *[[number] for number in NUMBERS[: 3 * CHUNK]]))
    next(turns(server))

    cancelled = api.delete(f"/csv-status/{upload_of(answer)}").json()["response"]["data"]
    work_off(server)

    assert cancelled["status"] == "failed"
    assert cancelled["reason"] == "It was cancelled."
    assert status_of(api, answer) == cancelled
    assert cancelled["stats"]["total"] == CHUNK
    assert len(members_of(api, answer)) == CHUNK
    assert files_in(server) == []
    assert api.delete(f"/csv-status/{upload_of(answer)}").json()["response"]["data"] == cancelled


@pytest.mark.sqlite
def test_an_upload_goes_on_when_its_key_is_revoked_and_the_log_tells_which_it_is(
    server: Server, connect: Callable[..., Client]
) -> None:
    client, other = connect("rotated"), connect("rotated")
    answer = client.upload(to_csv(["number"], [NUMBERS[0]]))
    run_cli("key", "revoke", "rotated", client.key, "--database", server.database)

    work_off(server)

    query = ("audit", "query", "rotated", "--key", client.key, "--action", "create_upload")
    (sent,) = run_cli(*query, "--database", server.database)
    assert upload_of(answer) in sent["touched"]
    assert status_of(other, answer)["status"] == "completed"


def test_an_upload_whose_list_is_deleted_fails(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    list_sid = answer.json()["response"]["data"]["summary"]["list_sid"]
    api.delete(f"/lists/{list_sid}")

    work_off(server)

    found = status_of(api, answer)
    assert (found["status"], found["reason"]) == ("failed", f"There is no list '{list_sid}'.")
    assert api.get("/contacts").json()["metadata"]["total"] == 0
    assert files_in(server) == []


def test_an_upload_whose_file_is_gone_says_so(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    (folder_of(server) / f"{upload_of(answer)}.upload").unlink()

    work_off(server)

    assert status_of(api, answer)["reason"] == "Its file is gone."
