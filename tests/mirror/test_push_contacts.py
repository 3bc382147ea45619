"""A push of contacts whom others make meanwhile, or of whom the server has two where a book has one."""

import os

import pytest

from tests.conftest import NUMBERS
from tests.mirror.conftest import Mirror
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
