"""A custom field goes into a file, and out of it, to the last digit, and is shown so."""

import json

import pytest

from dialbook.client import Client
from tests.cli.conftest import Dial
from tests.client.conftest import fill
from tests.conftest import NUMBERS
from tests.conftest import Client as Caller

EXACT = '{"iban":1234567890123456789.25,"a":0.1000000000000000000001,"t":1E-400,"é":"\\u00e9","k":1,"k":2}'
INSTEAD = '{"iban":1}'

pytestmark = pytest.mark.sqlite


@pytest.fixture
def sid(client: Client, api: Caller) -> str:
    """Somebody in a list, with a custom field that no float holds."""
    _, (sid,) = fill(client, 1)
    put(api, sid, EXACT)
    return sid


def put(api: Caller, sid: str, custom_field: str) -> None:
    api.request("PUT", f"/contacts/{sid}", content=f'{{"custom_field": {custom_field}}}'.encode())


def stored(api: Caller, sid: str) -> str:
    """A contact's custom field, as the server says it."""
    text = api.request("GET", f"/contacts/{sid}").content.decode()
    return text.partition('"custom_field":')[2].partition(',"uri"')[0]


@pytest.mark.parametrize(
    "show",
    [
        ["members", "export", "Friends", "--format", "ndjson"],
        ["members", "export", "Friends", "--format", "json"],
        ["members", "list", "Friends", "--json"],
        ["contacts", "list", "--json"],
        ["contacts", "get", "SID", "--json"],
    ],
)
def test_what_was_printed_is_written_back(show: list[str], dial: Dial, api: Caller, sid: str) -> None:
    printed = dial(*(sid if each == "SID" else each for each in show)).stdout
    put(api, sid, INSTEAD)

    result = dial("contacts", "update", "--from", "-", input=printed)

    assert (result.exit_code, result.stderr) == (0, "")
    assert stored(api, sid) == EXACT


@pytest.mark.parametrize("shape", ["[%s]", '{"contacts": [%s]}', "%s\n%s\n"])
@pytest.mark.parametrize("name", ["custom_field", "custom"])
def test_it_is_made_of_a_file_in_any_form(name: str, shape: str, dial: Dial, api: Caller) -> None:
    items = [f'{{"number": "{number}", "{name}": {EXACT}}}' for number in NUMBERS[: shape.count("%s")]]

    made = dial("contacts", "create", "--from", "-", "--json", input=shape % tuple(items))

    assert (made.exit_code, made.stderr) == (0, "")
    assert {stored(api, row["sid"]) for row in json.loads(made.stdout)} == {EXACT}


def test_it_is_what_was_typed_and_is_shown_so(dial: Dial, api: Caller) -> None:
    (made,) = json.loads(dial("contacts", "create", "--number", NUMBERS[0], "--custom-field", EXACT, "--json").stdout)
    changed = dial("contacts", "update", made["sid"], "--custom-field", EXACT, "--json").stdout
    shown = dial("contacts", "get", made["sid"]).stdout

    assert stored(api, made["sid"]) == EXACT
    assert "1234567890123456789.25" in changed
    assert EXACT in shown


def test_null_and_an_empty_text_clear_it(dial: Dial, api: Caller, sid: str) -> None:
    assert dial("contacts", "update", sid, "--custom-field", "").exit_code == 0
    assert stored(api, sid) == "null"
    assert "custom_field" not in dial("contacts", "get", sid).stdout
    put(api, sid, EXACT)

    assert dial("contacts", "update", "--from", "-", input=f'{{"sid":"{sid}","custom_field":null}}').exit_code == 0
    assert stored(api, sid) == "null"


def test_one_with_a_number_of_no_size_spoils_no_other(dial: Dial) -> None:
    items = f'''
        {{"number": "{NUMBERS[0]}", "custom_field": {{"a": 1}}}}
        {{"number": "{NUMBERS[1]}", "custom_field": {{"a": 1e999}}}}
    '''

    result = dial("contacts", "create", "--from", "-", "--json", input=items)

    assert [row["result"] for row in json.loads(result.stdout)] == ["made", "refused"]


@pytest.mark.parametrize(
    "content",
    [
        b'[{"number": "1", "custom_field": {"a": 01}}]',
        b'[{"number": "1", "custom_field": {"a": "\xff"}}]',
        b'[{"number": "1", "custom_field": {"a": 1}]',
        b'{"contacts": 1}',
        b'{"contacts": [1]}',
        b'{"number": "1"}\n[]\n',
        b'[{"number": "1", "first_name": "\\ud800"}]',
    ],
)
def test_what_is_no_json_of_contacts_is_refused(content: bytes, dial: Dial, client: Client) -> None:
    result = dial("contacts", "create", "--from", "-", input=content)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The file is no JSON of contacts: ")
    assert list(client.iter_contacts()) == []
