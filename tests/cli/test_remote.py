"""`dialbook contacts`, `lists` and `members`: what people do with them every day, on both engines."""

import gzip
import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from dialbook.client import Client
from tests.cli.conftest import Dial, read
from tests.client.conftest import fill
from tests.client.peer import ok, peer, refusal
from tests.conftest import NUMBERS

CSV = f"number,First Name,tag\n{NUMBERS[0]},Asha,vip\n{NUMBERS[1]},'=Bharat,\n"
JSON = json.dumps([{"number": NUMBERS[0], "first_name": "Asha"}, {"number": NUMBERS[1], "custom_field": {"a": [1]}}])
LINES = f'{{"number": "{NUMBERS[0]}"}}\n{{"number": "{NUMBERS[1]}"}}\n'


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        JSON,
        LINES,
        f'{{"contacts": {JSON}}}',
        "\ufeff" + CSV,
        CSV.replace(",", ";"),
        CSV.replace("\n", ",\n"),
        gzip.compress(f"{CSV}{chr(10) * 1000}".encode(), mtime=0),  # all workers have to call the test the same
    ],
)
def test_contacts_come_out_of_a_file_in_any_form(content: str | bytes, dial: Dial, tmp_path: Path) -> None:
    given = content.encode() if isinstance(content, str) else content
    (tmp_path / "given").write_bytes(given)

    made = read(dial("contacts", "create", "--from", str(tmp_path / "given"), "--json"))
    again = read(dial("contacts", "create", "--from", "-", "--json", input=given))

    assert [(row["contact"], row["result"]) for row in made] == [(number, "made") for number in NUMBERS[:2]]
    assert [(row["sid"], row["result"]) for row in again] == [(row["sid"], "there already") for row in made]
    assert [contact["number"] for contact in read(dial("contacts", "list", "--json"))] == NUMBERS[:2]


def test_a_cell_that_an_export_has_made_harmless_is_what_it_was(dial: Dial) -> None:
    dial("contacts", "create", "--from", "-", input=CSV)

    assert [each["first_name"] for each in read(dial("contacts", "list", "--json"))] == ["Asha", "=Bharat"]


@pytest.mark.sqlite
def test_a_number_in_a_file_is_what_an_upload_reads_it_as(dial: Dial, client: Client) -> None:
    _, sids = fill(client, 2)
    digits = [number.removeprefix("+") for number in NUMBERS]

    changes = f"sid,number\n{sids[0]},{digits[2]}.00\n{sids[1]},98450.00003\n"
    dial("contacts", "update", "--from", "-", input=changes)
    dial("contacts", "create", "--from", "-", input=f"number\n{digits[4]}.0\n'{digits[5]}\n")
    dial("members", "add", "Friends", "--from", "-", input=f"Number\n+{digits[6]}.00\n")

    assert [contact.number for contact in client.list_contacts()] == NUMBERS[2:7]


def test_one_refused_contact_is_named_and_is_exit_status_1(dial: Dial) -> None:
    result = dial("contacts", "create", "--from", "-", input=f"number\n{NUMBERS[0]}\nnobody\n")

    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [
        [NUMBERS[0], "made"],
        ["nobody", "refused"],
    ]
    assert "'nobody' is not a phone number" in result.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("name\nAsha\n", "column 'name'; allowed are sid, number, "),
        ("number,first_name,First Name\n", "The file has the column 'First Name' twice."),
        ("number,,tag\n", "The file has no name for its column 2"),
        ("number\n1,2\n", "Line 2 has 2 cells; the first line names 1 columns."),
        ("[1]", "no JSON of contacts"),
        (
            '{"number": "+919845000001", "firstname": "Asha"}',
            "a field 'firstname'; allowed are sid, number, first_name",
        ),
        ('{"number": ', "no JSON of contacts"),
        (b"\xff\xfe\x00", "The file is"),
    ],
)
def test_a_file_that_is_none_is_refused_and_nothing_is_made(content: str | bytes, said: str, dial: Dial) -> None:
    result = dial("contacts", "create", "--from", "-", input=content)

    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert read(dial("contacts", "list", "--json")) == []


def test_what_a_report_says_of_a_row_is_passed_over(dial: Dial) -> None:
    row = '{"number": "+919845000001", "error_line": 2, "error_reason": "value_invalid", "error_description": "?"}'

    assert dial("contacts", "create", "--from", "-", input=row).exit_code == 0


def test_a_contact_is_made_shown_changed_and_deleted(dial: Dial) -> None:
    made = read(dial("contacts", "create", "--number", NUMBERS[0], "--first-name", "Asha", "--json"))
    sid = made[0]["sid"]

    changed = dial(
        "contacts", "update", sid, "--first-name", "", "--tag", "vip", "--custom-field", '{"a": 1}', "--json"
    )
    shown = dial("contacts", "get", sid)
    gone = dial("contacts", "delete", sid, "--yes")

    assert {"first_name": None, "tag": "vip", "custom_field": {"a": 1}}.items() <= read(changed).items()
    assert ["tag", "vip"] in [line.split() for line in shown.stdout.splitlines()]
    assert gone.stdout == f"Contact {sid} is deleted.\n"
    assert dial("contacts", "get", sid).stderr == f"Error: There is no contact '{sid}'.\n"


def test_a_program_reads_what_was_deleted_and_who_has_left(dial: Dial, client: Client) -> None:
    list_sid, (one, other) = fill(client, 2)

    left = read(dial("members", "remove", "Friends", one, "--json"))
    contacts = read(dial("contacts", "delete", one, other, "--yes", "--json"))
    lists = read(dial("lists", "delete", "Friends", "--yes", "--json"))

    assert left == [{"sid": one, "result": "left", "reason": None}]
    assert contacts == [{"sid": sid, "result": "deleted", "reason": None} for sid in (one, other)]
    assert lists == [{"sid": list_sid, "result": "deleted", "reason": None}]


@pytest.mark.parametrize(
    "file",
    [
        "sid,number\n{0},\n,{number}\n{2},+919845099999\n",
        '[{{"sid": "{0}"}}, {{"number": "{number}"}}, {{"sid": "{2}", "number": "+919845099999"}}]',
    ],
    ids=["CSV", "JSON"],
)
def test_all_of_a_file_are_deleted(file: str, dial: Dial, client: Client) -> None:
    _, sids = fill(client, 3)
    said = file.format(*sids, number=NUMBERS[1])

    gone = dial("contacts", "delete", "--from", "-", "--yes", "--json", input=said)

    assert gone.exit_code == 1
    assert [(row["result"], row["sid"]) for row in json.loads(gone.stdout)] == [
        ("deleted", sids[0]),
        ("deleted", sids[1]),
        ("refused", None),
    ]
    assert [contact.sid for contact in client.list_contacts()] == [sids[2]]


def test_all_of_a_file_leave_a_list_and_stay(dial: Dial, client: Client) -> None:
    list_sid, sids = fill(client, 3)
    exported = dial("members", "export", "Friends", "--format", "ndjson", "--number", NUMBERS[0]).stdout

    left = dial("members", "remove", list_sid, "--from", "-", "--json", input=exported)
    again = dial("members", "remove", list_sid, "--from", "-", input=exported)

    assert [(row["contact"], row["result"]) for row in read(left)] == [(sids[0], "left")]
    assert (again.exit_code, "is not in list" in again.stdout) == (1, True)
    assert [contact.sid for contact in client.list_members(list_sid)] == sids[1:]
    assert client.list_contacts().total == 3


def test_a_file_without_sids_is_refused_where_they_are_needed(dial: Dial, client: Client) -> None:
    list_sid, _ = fill(client, 1)

    left = dial("members", "remove", list_sid, "--from", "-", input=CSV)

    assert (left.exit_code, left.stdout) == (1, "")
    assert left.stderr.startswith("Error: The file has no sids; ")
    assert client.get_list(list_sid).contact_count == 1


@pytest.mark.parametrize("given", ["{a: 1}", "[" * 5000 + "]" * 5000], ids=["no JSON", "deep"])
def test_a_custom_field_that_is_no_json_is_refused(given: str, dial: Dial, client: Client) -> None:
    result = dial("contacts", "create", "--number", NUMBERS[0], "--custom-field", given)

    assert (result.exit_code, result.stderr) == (1, "Error: --custom-field is no JSON.\n")
    assert list(client.list_contacts()) == []


def test_many_contacts_are_changed_out_of_a_file(dial: Dial, client: Client) -> None:
    _, sids = fill(client, 2)

    result = dial("contacts", "update", "--from", "-", "--json", input=f"sid,tag\n{sids[0]},x\n{'0' * 32},y\n")

    assert result.exit_code == 1
    assert [row["result"] for row in json.loads(result.stdout)] == ["changed", "refused"]
    assert client.get_contact(sids[0]).tag == "x"


def test_contacts_are_listed_by_name_list_and_order(dial: Dial, client: Client) -> None:
    list_sid, sids = fill(client, 3)
    client.update_contact(sids[1], first_name="Asha")
    client.remove_member(list_sid, sids[0])

    def listed(*options: str) -> list[str]:
        return [each["sid"] for each in read(dial("contacts", "list", *options, "--json"))]

    assert listed("--name", "asha") == [sids[1]]
    assert listed("--list", "Friends", "--sort", "number:desc") == [sids[2], sids[1]]
    assert listed("--list", list_sid, "--limit", "1") == [sids[1]]


@pytest.mark.parametrize("command", [["contacts"], ["lists"], ["uploads"], ["members", "Friends"]])
def test_more_may_be_asked_for_than_a_machine_can_count(command: list[str], dial: Dial, client: Client) -> None:
    fill(client, 1)
    group, *arguments = command

    assert dial(group, "list", *arguments, "--limit", "9" * 20).exit_code == 0


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "command",
    [
        ["contacts", "list"],
        ["lists", "list"],
        ["members", "list", "0" * 32],
        ["uploads", "list"],
        ["uploads", "errors", "0" * 32],
    ],
    ids=" ".join,
)
def test_no_more_is_asked_for_than_is_shown(command: list[str], dial: Dial) -> None:
    with peer(ok([], total=0)) as there:
        dial(*command, DIALBOOK_URL=there.url)

    assert [line.partition("?")[2] for line in there.lines] == ["offset=0&limit=20"]


def test_a_list_is_made_shown_changed_and_deleted(dial: Dial) -> None:
    made = read(dial("lists", "create", "Friends", "--tag", "a", "--type", "dynamic", "--json"))

    changed = read(dial("lists", "update", "Friends", "--name", "Kin", "--tag", "", "--json"))
    table = dial("lists", "list", "--sort", "name").stdout.splitlines()
    again = dial("lists", "create", "Kin")
    gone = dial("lists", "delete", "Kin", "--yes")

    assert (changed["sid"], changed["name"], changed["tag"], changed["type"]) == (made["sid"], "Kin", None, "dynamic")
    assert table[0].split() == ["NAME", "CONTACT_COUNT", "TYPE", "TAG", "DATE_UPDATED", "SID"]
    assert table[1].split()[:3] == ["Kin", "0", "dynamic"]
    assert (again.exit_code, again.stderr) == (1, "Error: A list named 'Kin' exists.\n")
    assert gone.stdout == "List Kin is deleted.\n"
    assert dial("lists", "get", "Kin").stderr == "Error: There is no list named 'Kin'.\n"


def test_a_list_is_found_by_its_whole_name(dial: Dial, client: Client) -> None:
    client.create_lists([{"name": name} for name in ("Friends of Asha", "friends", "Friends")])

    assert read(dial("lists", "get", "Friends", "--json"))["name"] == "Friends"


def test_whoever_names_no_list_hears_which_are_similar(dial: Dial, client: Client) -> None:
    client.create_lists([{"name": name} for name in ("Kin", "Friends of Asha", "Friends")])

    result = dial("members", "list", "friend")

    said = "Error: There is no list named 'friend'. Similar are: Friends, Friends of Asha.\n"
    assert (result.exit_code, result.stderr) == (1, said)


@pytest.mark.parametrize("command", [["contacts", "delete", "0" * 32], ["lists", "delete", "Friends"]])
@pytest.mark.parametrize("said", ["n\n", ""])
def test_who_does_not_say_yes_deletes_nothing(command: list[str], said: str, dial: Dial, client: Client) -> None:
    client.create_lists([{"name": "Friends"}])

    result = dial(*command, input=said)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "for good?" in result.stderr
    assert len(client.list_lists()) == 1


def test_members_join_out_of_a_file_and_are_made_where_they_are_new(dial: Dial, client: Client) -> None:
    list_sid, sids = fill(client, 1)

    joined = read(dial("members", "add", "Friends", "--from", "-", "--json", input=CSV))
    again = dial("members", "add", list_sid, sids[0])

    assert [(row["contact"], row["result"]) for row in joined] == [
        (NUMBERS[0], "there already"),
        (NUMBERS[1], "joined"),
    ]
    assert [each["number"] for each in read(dial("members", "list", "Friends", "--json"))] == NUMBERS[:2]
    assert again.exit_code == 0


def test_a_number_that_is_none_is_refused_and_the_others_join(dial: Dial, client: Client) -> None:
    fill(client, 0)

    result = dial("members", "add", "Friends", "--from", "-", "--json", input=f"number\nnobody\n{NUMBERS[0]}\n")

    refused, joined = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (1, "")
    assert (refused["contact"], refused["result"]) == ("nobody", "refused")
    assert refused["reason"].startswith("number 'nobody' is not a phone number")
    assert (joined["contact"], joined["result"]) == (NUMBERS[0], "joined")
    assert [each["number"] for each in read(dial("members", "list", "Friends", "--json"))] == NUMBERS[:1]


def test_members_are_listed_selected_and_leave(dial: Dial, client: Client) -> None:
    _, sids = fill(client, 25)
    client.update_contact(sids[3], tag="vip")

    assert len(read(dial("members", "list", "Friends", "--json"))) == 20
    assert len(read(dial("members", "list", "Friends", "--all", "--json"))) == 25
    assert [each["sid"] for each in read(dial("members", "list", "Friends", "--tag", "vip", "--json"))] == [sids[3]]
    assert dial("members", "remove", "Friends", sids[3]).stdout == f"Contact {sids[3]} has left the list.\n"
    assert read(dial("members", "list", "Friends", "--tag", "vip", "--json")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["contacts", "create"],
        ["contacts", "create", "--from", "-", "--number", "1"],
        ["contacts", "update", "0" * 32],
        ["contacts", "update", "--tag", "x"],
        ["contacts", "get", ".."],
        ["contacts", "delete"],
        ["contacts", "delete", "0" * 32, "--from", "-"],
        ["contacts", "delete", "--from", "-"],
        ["members", "remove", "Friends"],
        ["lists", "update", "Friends"],
        ["members", "add", "Friends"],
        ["members", "remove", "Friends", "."],
        ["uploads", "get", ""],
        ["pull"],
    ],
    ids=" ".join,
)
def test_a_command_that_says_too_little_or_too_much_is_exit_status_2(arguments: list[str], dial: Dial) -> None:
    result = dial(*arguments, input="")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


@pytest.mark.parametrize("arguments", [["contacts", "list"], ["lists", "get", "x"], ["members", "export", "0" * 32]])
def test_what_a_server_refuses_is_one_line(arguments: list[str], dial: Dial) -> None:
    with peer(refusal(401, 1010, description="Who are you?")) as there:
        result = dial(*arguments, DIALBOOK_URL=there.url)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Error: Who are you?\n")


@pytest.mark.parametrize("address", ["nowhere", "http://127.0.0.1/v2/accounts/acme", "https://:@h/v2/accounts/a"])
def test_an_address_that_is_none_is_one_line(address: str, dial: Dial) -> None:
    result = dial("lists", "list", DIALBOOK_URL=address)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: DIALBOOK_URL: The address must be https://<key>:<token>@")


def test_columns_stand_below_each_other_whatever_the_script(dial: Dial) -> None:
    for name in ("名前", "Friends"):
        dial("lists", "create", name)

    lines = dial("lists", "list").stdout.splitlines()

    assert {cell_len(line.partition(second)[0]) for line, second in zip(lines, ("CONTACT", "0", "0"), strict=True)} == {
        len("Friends  ")
    }


def test_what_a_terminal_would_obey_is_not_sent_to_it(dial: Dial) -> None:
    dial("lists", "create", "evil\x1b[2J\nname")

    assert "evil?[2J?name" in dial("lists", "list").stdout
    with peer(refusal(401, 1010, description="Who\x1b[2J are you?")) as there:
        assert dial("lists", "list", DIALBOOK_URL=there.url).stderr == "Error: Who?[2J are you?\n"
