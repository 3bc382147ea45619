"""A push of contacts whom others make meanwhile, or of whom the server has two where a book has one."""

import os

import msgspec
import pytest

from tests.client.conftest import fill
from tests.conftest import NUMBERS, execute
from tests.mirror.conftest import Mirror
from tests.mirror.test_pull import changes
from tests.mirror.test_questions import asking

pytestmark = [
    pytest.mark.sqlite,
    pytest.mark.parametrize("there", [20], indirect=True, ids=["short pages"]),
]


def test_a_contact_that_somebody_makes_while_a_push_asks_becomes_what_the_book_has(mirror: Mirror) -> None:
    mirror.client.create_contacts([{"number": number, "first_name": "Asha"} for number in NUMBERS[:3]])
    mirror.pull()
    for sid in [each.sid for each in mirror.client.iter_contacts()][:2]:
        mirror.client.delete_contact(sid)

    with asking(mirror, "push", "--to", mirror.url) as asked:
        mirror.client.create_contacts(
            [{"number": NUMBERS[0], "first_name": "Asha"}, {"number": NUMBERS[1], "first_name": "Ravi"}]
        )
        os.write(asked.terminal, b"y\n")
        status, rest = asked.end()

    assert status == 0
    assert "Changed: 1 contacts changed." in rest
    mirror.check()


def test_of_two_contacts_whose_numbers_read_as_one_the_first_is_named(mirror: Mirror) -> None:
    mirror.client.create_contacts({"number": number} for number in NUMBERS[:2])
    first, second = (each.sid for each in mirror.client.iter_contacts())
    sql = "UPDATE contacts SET number = :number WHERE account = :account AND sid = :sid"
    execute(mirror.there, sql, number=f"0{NUMBERS[0][3:]}", account=mirror.account, sid=second)
    mirror.run("pull", "--from", mirror.url)

    result = mirror.run("push", "--to", mirror.url, "--yes", "--json")

    report = msgspec.json.decode(result.stdout)
    assert (result.exit_code, changes(report)) == (1, {})
    reason = f"It stays on the server: Contact '{second}' has the number {NUMBERS[0]}, too."
    assert report["refused"] == [{"what": f"contact {first}", "reason": reason}]


def test_a_contact_that_no_book_can_have_stays_though_the_book_has_its_number(mirror: Mirror) -> None:
    fill(mirror.client, 3)
    mirror.pull()
    sid = next(mirror.client.iter_contacts()).sid
    long = "UPDATE contacts SET company_name = :name WHERE account = :account AND sid = :sid"
    execute(mirror.there, long, name="x" * 300, account=mirror.account, sid=sid)

    result = mirror.run("push", "--to", mirror.url, "--yes", "--json")

    report = msgspec.json.decode(result.stdout)
    assert (result.exit_code, changes(report)) == (1, {})
    reason = "It stays on the server: company_name has 300 characters; at most 255 are allowed."
    assert report["refused"] == [{"what": f"contact {sid}", "reason": reason}]
    assert mirror.client.get_contact(sid).company_name == "x" * 300
