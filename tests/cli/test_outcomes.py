"""What is said of many things when some of them are refused, or a request fails in their midst: all that was done."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dialbook.client import Client
from tests.cli.conftest import Dial
from tests.client.conftest import fill
from tests.client.peer import Act, answer, contact, ok, peer, refusal
from tests.processes import HANG_SECONDS, PROGRAM, environment

NOBODY = "0" * 32
LIST = "1" * 32
REQUEST = 5000  # contacts in one request
MANY = REQUEST + 1

Removing = Callable[..., list[str]]


@pytest.fixture(params=["contacts", "members"])
def removing(request: pytest.FixtureRequest) -> Removing:
    """The command that removes contacts: from the book, or from a list."""
    before = {"contacts": ["contacts", "delete", "--yes"], "members": ["members", "remove", "Friends"]}[request.param]
    return lambda *sids: [*before, *sids]


def test_one_that_is_refused_stops_no_other(removing: Removing, dial: Dial, client: Client) -> None:
    list_sid, (one, other) = fill(client, 2)

    result = dial(*removing(one, NOBODY, other), "--json")

    rows = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (1, "")
    assert [row["sid"] for row in rows] == [one, NOBODY, other]
    assert [row["result"] == "refused" for row in rows] == [False, True, False]
    assert NOBODY in rows[1]["reason"]
    assert list(client.iter_members(list_sid)) == []


def test_people_read_what_was_refused(removing: Removing, dial: Dial, client: Client) -> None:
    _, (one,) = fill(client, 1)

    refused, done = dial(*removing(NOBODY, one)).stdout.splitlines()

    assert refused.startswith("Refused: ")
    assert done.startswith(f"Contact {one} ")


def test_what_was_deleted_before_a_failure_is_told(dial: Dial) -> None:
    with peer(ok(contact(1)), refusal(401, 1010, description="Who are you?")) as there:
        result = dial("contacts", "delete", "1", "2", "3", "--yes", DIALBOOK_URL=there.url)

    assert (result.exit_code, result.stdout) == (1, "Contact 1 is deleted.\n")
    assert result.stderr == "Error: Who are you?\n"
    assert len(there.requests) == 2


FIRST_DONE = ok([contact(n) for n in range(REQUEST)])
REFUSED = refusal(401, 1010, description="Who are you?")


@pytest.mark.parametrize(
    ("arguments", "column", "done", "script"),
    [
        (["contacts", "create"], "number", "made", [FIRST_DONE, REFUSED]),
        (["contacts", "update"], "sid", "changed", [FIRST_DONE, REFUSED]),
        (["members", "add", LIST], "sid", "joined", [FIRST_DONE, REFUSED]),
        (["members", "add", LIST], "number", "made", [FIRST_DONE, REFUSED]),
    ],
)
def test_what_was_done_before_a_request_failed_is_told(
    arguments: list[str], column: str, done: str, script: list[Act], dial: Dial
) -> None:
    rows = "".join(f"{n}\n" for n in range(MANY))
    with peer(*script) as there:
        result = dial(*arguments, "--from", "-", "--json", input=f"{column}\n{rows}", DIALBOOK_URL=there.url)

    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(row["contact"], row["result"]) for row in told] == [(str(n), done) for n in range(REQUEST)]
    assert result.stderr == f"Error: {REQUEST} items were dealt with, then a request failed: Who are you?\n"


def test_who_was_refused_before_a_request_failed_is_told(dial: Dial) -> None:
    made = answer(
        207,
        json.dumps(
            {
                "request_id": "a" * 32,
                "method": "POST",
                "http_code": 207,
                "response": [
                    {
                        "code": 400,
                        "error_data": {"code": 1002, "message": "m", "description": "No number."},
                        "status": "failure",
                        "data": None,
                    },
                    *(
                        {"code": 200, "error_data": None, "status": "success", "data": contact(n)}
                        for n in range(1, REQUEST)
                    ),
                ],
            }
        ),
    )
    joined = ok([contact(n) for n in range(1, REQUEST + 1)])
    rows = "".join(f"{n}\n" for n in range(MANY + 1))
    with peer(made, ok([contact(n) for n in (1, 2)]), joined, REFUSED) as there:
        result = dial("members", "add", LIST, "--from", "-", "--json", input=f"number\n{rows}", DIALBOOK_URL=there.url)

    told = json.loads(result.stdout)
    assert [row["result"] for row in told] == ["refused", *["joined"] * REQUEST]


def test_what_was_done_before_ctrl_c_is_told(tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("number\n" + "".join(f"{n}\n" for n in range(MANY)))
    with (
        peer(FIRST_DONE, Act(b"", "stall")) as there,
        subprocess.Popen(
            # Whoever is started in the background is deaf to Ctrl-C, and so would be what he starts.
            ["env", "--default-signal=INT", PROGRAM, "contacts", "create", "--from", file, "--json"],
            env=environment({"DIALBOOK_URL": there.url}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        while len(there.requests) < 2 and process.poll() is None:
            pass
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=HANG_SECONDS)

    assert process.returncode == 1
    assert [(row["contact"], row["result"]) for row in json.loads(printed)] == [
        (str(n), "made") for n in range(REQUEST)
    ]
    assert said == "What became of those that are not shown is not known: some may be done.\n\nAborted!\n"
