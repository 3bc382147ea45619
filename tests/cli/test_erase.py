"""`dialbook erase` and `dialbook export-subject`: what is held about a person, all of it, and after it nothing."""

import hmac
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.settings import Settings
from tests.conftest import Client, Server, run_cli, serving, work_off

NUMBER, DIALLED = "+919845098765", "098450 98-765"
NAME, EMAIL = "Canary-Name", "canary@example.org"
NOBODYS = "+919845099999"
OTHERS = [f"+9198450{i:05}" for i in range(3000)]
TRACES = (NUMBER, NUMBER[3:], DIALLED, NAME, NAME.casefold(), EMAIL)
FILE = f"""number,first_name,city
{NUMBER},{NAME},Kochi
{NUMBER},{NAME},Pune
{DIALLED},{NAME},Goa,too,many,cells
12,Somebody,Delhi
"""


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(dialbook, arguments, input=typed, catch_exceptions=False)


def erase(server: Server, client: Client, number: str = NUMBER, *options: str) -> Result:
    return run("erase", number, "--account", client.account, "--database", server.database, *options)


def erased(server: Server, client: Client, number: str = NUMBER) -> dict[str, Any]:
    """The receipt of an erasure in one account."""
    receipt: dict[str, Any] = run_cli(
        "erase", number, "--account", client.account, "--yes", "--database", server.database
    )
    assert receipt["troubles"] == []
    (account,) = receipt["accounts"]
    return {**receipt, **account}


def counts(receipt: dict[str, Any]) -> tuple[int, int, int, int]:
    return receipt["contacts"], receipt["memberships"], receipt["report_rows"], receipt["answers"]


def held(server: Server, client: Client, number: str = NUMBER) -> dict[str, Any]:
    result = run("export-subject", number, "--account", client.account, "--database", server.database)
    assert result.exit_code == 0, result.output
    (found,) = msgspec.json.decode(result.stdout)
    return dict(found)


def keys(found: dict[str, Any]) -> list[str]:
    """Those of the requests whose answers are kept."""
    return [answer["key"] for answer in found["answers"]]


@pytest.fixture
def known(api: Client, server: Server) -> Client:
    """An account in which the person is in two lists, and in three rows of a report; and so are others."""
    fill(api, lambda: work_off(server))
    return api


def fill(client: Client, work_off: Callable[[], None]) -> None:
    client.create_contacts({"number": OTHERS[0]})
    client.upload(f"{FILE}".encode(), "Leads", type="dynamic")
    work_off()
    contact = client.get("/contacts", name=NAME).json()["response"][0]["data"]["sid"]
    client.request(
        "PUT", f"/contacts/{contact}", json={"email": EMAIL, "tag": EMAIL}, headers={"Idempotency-Key": "once"}
    )
    client.add_members(client.create_list()["sid"], contact)


# What is held


def test_all_that_is_held_is_shown(known: Client, server: Server) -> None:
    found = held(server, known, DIALLED)

    assert (found["account_sid"], found["number"]) == (known.account, NUMBER)
    assert (found["contact"]["first_name"], found["contact"]["email"]) == (NAME, EMAIL)
    assert [(each["list_name"], each["variables"]) for each in found["lists"]] == [
        ("Leads", {"city": "Kochi"}),
        ("Friends", {}),
    ]
    assert [(row["line"], row["reason"]) for row in found["upload_reports"]] == [
        (3, "duplicate"),
        (4, "too_many_cells"),
    ]
    assert "Pune" in found["upload_reports"][0]["cells"]
    assert keys(found) == ["once"]
    assert [entry["action"] for entry in found["audit"]] == ["add_members", "update_contact", "write_chunk"]
    assert held(server, known)["audit"][0]["action"] == "export_subject"


def test_of_a_stranger_nothing_is_held(known: Client, server: Server) -> None:
    found = held(server, known, OTHERS[1])

    assert (found["contact"], found["lists"], found["upload_reports"], found["audit"]) == (None, [], [], [])


# What is removed


def test_after_it_nothing_is_held_and_the_rest_is_as_it_was(known: Client, server: Server) -> None:
    receipt = erased(server, known, DIALLED)

    assert counts(receipt) == (1, 2, 2, 1)
    found = held(server, known)
    assert (found["contact"], found["lists"], found["upload_reports"], found["answers"]) == (None, [], [], [])
    assert [item["data"]["number"] for item in known.get("/contacts").json()["response"]] == [OTHERS[0]]
    assert [item["data"]["contact_count"] for item in known.get("/lists").json()["response"]] == [0, 0]
    checks = run_cli("doctor", "--database", server.database)
    assert [check for check in checks if not check["ok"] and check["name"].startswith(known.account)] == []
    assert counts(erased(server, known)) == (0, 0, 0, 0)


def test_the_report_still_counts_the_rows(known: Client, server: Server) -> None:
    (upload,) = known.get("/csv-status").json()["response"]
    path = f"/csv-status/{upload['data']['upload_id']}/errors"
    before = known.get(path).json()

    erased(server, known)

    after = known.get(path).json()
    as_csv = known.request("GET", path, headers={"Accept": "text/csv"}).text
    assert after["metadata"] == before["metadata"]
    assert [item["data"]["number"] for item in after["response"]] == [None, None, "12"]
    assert [item["data"]["line"] for item in after["response"]] == [3, 4, 5]
    assert "Somebody" in as_csv
    assert not any(trace in as_csv + str(after) for trace in TRACES)


def test_the_receipt_proves_whose_number_it_was_and_the_log_alone_does_not(known: Client, server: Server) -> None:
    sid = known.get("/contacts", name=NAME).json()["response"][0]["data"]["sid"]

    receipt = erased(server, known)

    (entry, *_) = run_cli("audit", "query", known.account, "--database", server.database)
    proof = hmac.digest(receipt["secret"].encode(), NUMBER.encode(), "sha256").hex()
    assert (entry["action"], entry["via"]) == ("erase", "command line")
    assert entry["touched"] == [sid, f"hmac-sha256:{proof}"]
    assert receipt["proof"] == f"hmac-sha256:{proof}"
    (verified,) = run_cli("audit", "verify", known.account, "--database", server.database)
    assert verified["head"] == receipt["entry"]
    assert receipt["secret"] not in str(entry)


@pytest.mark.parametrize("typed", ["n\n", ""])
def test_nothing_is_removed_without_a_yes(typed: str, known: Client, server: Server) -> None:
    result = run("erase", NUMBER, "--account", known.account, "--database", server.database, typed=typed)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Erase {NUMBER} from account {known.account} for good?" in result.stderr
    assert held(server, known)["contact"] is not None


def test_a_person_gets_a_receipt_to_keep(known: Client, server: Server) -> None:
    result = run("erase", "-", "--account", known.account, "--yes", "--database", server.database, typed=f"{NUMBER}\n")

    head, line, proof, secret = result.stdout.splitlines()
    key = secret.removeprefix("Secret of the proof: ")
    assert head.split("  ")[0] == "ACCOUNT"
    assert line.split()[:5] == [known.account, "1", "2", "2", "1"]
    assert len(key) == 64
    assert proof == f"Proof: hmac-sha256:{hmac.digest(key.encode(), NUMBER.encode(), 'sha256').hex()}"
    assert "backups" in result.stderr


def test_it_says_where_it_looked_for_files_of_uploads(
    known: Client, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of PostgreSQL the folder may be another than that of the servers, which nobody but who reads it can tell."""
    monkeypatch.setenv("DIALBOOK_UPLOAD_FOLDER", str(tmp_path))
    nowhere, receipt = erase(server, known, NUMBER, "--yes"), erased(server, known)
    folder = Path(receipt["upload_folder"])
    folder.mkdir()

    somewhere = erase(server, known, NUMBER, "--yes")

    assert folder.parent == tmp_path
    assert f"There is no {folder}, and so no file of an upload to look through. If servers" in nowhere.stderr
    assert f"Files of uploads were looked for in {folder}." in somewhere.stderr


@pytest.mark.sqlite
def test_a_file_that_cannot_be_read_is_named_and_the_receipt_printed_all_the_same(
    known: Client, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALBOOK_UPLOAD_FOLDER", str(tmp_path))
    folder = Path(erased(server, known)["upload_folder"])
    folder.mkdir()
    running, idle = (folder / f"{digit * 32}.upload" for digit in "12")
    running.symlink_to(Path(sys.executable).resolve())  # which nobody may write to while it runs
    idle.write_bytes(FILE.encode())

    result = erase(server, known, NUMBER, "--yes")

    assert (result.exit_code, idle.exists()) == (1, False)
    assert "Secret of the proof: " in result.stdout
    assert f"may be in files of uploads that are left, since they cannot be read: {'1' * 32} (" in result.stderr


def test_a_number_that_nobody_has_is_said_to_be_nobodys(known: Client, server: Server) -> None:
    options = ("--account", known.account, "--database", server.database)
    shown, removed = run("export-subject", NOBODYS, *options), erase(server, known, NOBODYS, "--yes")

    assert (shown.exit_code, removed.exit_code) == (0, 0)
    assert "Nothing is found about that number there." in shown.stderr
    assert "Nothing was found about that number there." in removed.stderr


def test_a_number_with_few_digits_is_found_as_it_is_dialled(server: Server, new_client: Callable[..., Client]) -> None:
    """Numbers of Andorra have six digits behind the country's code."""
    run("account", "create", "andorra", "--region", "AD", "--database", server.database)
    made = run_cli("key", "create", "andorra", "--database", server.database)
    client = Client(new_client(server).http, "andorra", made["api_key"], made["api_token"])
    client.http.auth = (client.key, client.token)
    rows = [f"{number},{NAME},too,many" for number in ("312 345", "'312345", "312345.0")]
    client.upload("\n".join(["number,first_name", *rows]).encode(), "Leads")
    work_off(server)

    found = held(server, client, "+376312345")["upload_reports"]
    assert [row["cells"][0] for row in found] == ["312 345", "'312345", "312345.0"]
    assert counts(erased(server, client, "312345")) == (0, 0, 3, 0)
    assert held(server, client, "312-345")["upload_reports"] == []


def test_kept_answers_go_in_whose_key_or_text_the_number_is_however_it_was_written(
    api: Client, server: Server, new_client: Callable[..., Client]
) -> None:
    def asked(client: Client, key: str, number: str) -> None:
        body = {"contacts": [{"number": number}]}
        client.request("POST", "/contacts", json=body, headers={"Idempotency-Key": key})

    another = new_client(server)
    for client in (api, another):
        asked(client, f"import-0{NUMBER[3:]}-1", OTHERS[0])
        asked(client, "unreadable", f"{DIALLED}-x")
        asked(client, "somebody", OTHERS[1])

    assert keys(held(server, api)) == [f"import-0{NUMBER[3:]}-1", "unreadable"]
    assert counts(erased(server, api)) == (0, 0, 0, 2)

    assert (keys(held(server, api)), keys(held(server, api, OTHERS[1]))) == ([], ["somebody"])
    assert len(held(server, another)["answers"]) == 2


def test_one_account_or_all(new_database: Callable[[], str], new_client: Callable[..., Client]) -> None:
    with serving(Settings(database=new_database())) as server:
        one, two, three = (new_client(server, account) for account in ("one", "two", "three"))
        for client in (one, two):
            client.create_contacts({"number": NUMBER})

        erased(server, one)
        between = held(server, two)
        receipt = run_cli("erase", NUMBER, "--all-accounts", "--yes", "--database", server.database)

        assert between["contact"]["number"] == NUMBER
        assert [held(server, client)["contact"] for client in (one, two, three)] == [None] * 3
        assert [(each["account_sid"], each["contacts"]) for each in receipt["accounts"]] == [
            ("one", 0),
            ("three", 0),
            ("two", 1),
        ]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["12", "--account", "{account}"], 1, "not a phone number"),
        ([NUMBER, "--account", "nobody"], 1, "There is no account 'nobody'."),
        ([NUMBER, "--account", "{account}", "--account", "nobody"], 1, "There is no account 'nobody'."),
        ([DIALLED, "--all-accounts"], 1, "give NUMBER with +"),
        ([NUMBER], 2, "Give --account, or --all-accounts."),
        ([NUMBER, "--account", "{account}", "--all-accounts"], 2, "Give --account, or --all-accounts."),
    ],
)
@pytest.mark.parametrize("command", [["erase", "--yes"], ["export-subject"]])
def test_what_cannot_be_meant_is_refused(
    command: list[str], arguments: list[str], status: int, says: str, known: Client, server: Server
) -> None:
    given = [each.format(account=known.account) for each in arguments]

    result = run(*command, *given, "--database", server.database)

    assert (result.exit_code, result.stdout) == (status, "")
    assert says in result.stderr
    assert held(server, known)["contact"] is not None


def test_an_upload_under_way_keeps_everything_until_it_is_cancelled(
    known: Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(server.settings.upload_folder)
    monkeypatch.setenv("DIALBOOK_UPLOAD_FOLDER", str(folder))
    upload = known.upload(FILE.encode(), "More", type="dynamic").json()["response"]["data"]["summary"]["upload_id"]

    refused = erase(server, known, NUMBER, "--yes")

    assert refused.exit_code == 1
    assert f"Upload {upload} of account '{known.account}' is under way" in refused.stderr
    assert refused.stdout == ""
    shown = run("export-subject", NUMBER, "--account", known.account, "--database", server.database)
    assert f"Upload {upload} of account '{known.account}' is under way, and its file may have" in shown.stderr
    assert (shown.exit_code, msgspec.json.decode(shown.stdout)[0]["contact"]["number"]) == (1, NUMBER)
    known.delete(f"/csv-status/{upload}")
    # Nobody has removed the file of the upload that was cancelled.
    (file,) = folder.rglob(f"{upload}.upload")
    assert DIALLED.encode() in file.read_bytes()
    erased(server, known)
    assert not file.exists()
