"""A server that has lost its newest changes, since a backup was brought back, is seen for what it is."""

import pytest

from tests.client.conftest import fill
from tests.conftest import NUMBERS, execute
from tests.mirror.conftest import Mirror

OLD, LATER, NEW = "2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"

pytestmark = pytest.mark.sqlite


def date(mirror: Mirror, moments: dict[str, str]) -> None:
    """Say when contacts were changed, by their numbers; all other things were long ago."""
    execute(
        mirror.there, "UPDATE contacts SET updated = :old WHERE account = :account", old=OLD, account=mirror.account
    )
    execute(mirror.there, "UPDATE lists SET updated = :old WHERE account = :account", old=OLD, account=mirror.account)
    for number, moment in moments.items():
        execute(
            mirror.there,
            "UPDATE contacts SET updated = :moment WHERE account = :account AND number = :number",
            account=mirror.account,
            number=number,
            moment=moment,
        )


def test_as_many_are_back_as_are_lost(mirror: Mirror) -> None:
    _, sids = fill(mirror.client, 3)
    mirror.client.delete_contact(sids[0])
    (late,) = mirror.client.create_contacts([{"number": NUMBERS[9]}]).raise_for_failures()
    date(mirror, {NUMBERS[9]: LATER})
    mirror.pull()

    mirror.client.delete_contact(late.sid)
    mirror.client.create_contacts([{"number": NUMBERS[0]}])
    date(mirror, {})
    mirror.pull()

    mirror.check()


@pytest.mark.parametrize("changed_again", [(), (5,), (3,), (3, 5), (2, 5)])
def test_a_change_that_is_undone_is_undone_in_the_book(changed_again: tuple[int, ...], mirror: Mirror) -> None:
    """Whatever was changed since, also by whom the last run has met last."""
    _, sids = fill(mirror.client, 40)
    mirror.client.update_contact(sids[2], first_name="After")
    mirror.client.update_contact(sids[3], first_name="After")
    date(mirror, {NUMBERS[2]: LATER, NUMBERS[3]: NEW})
    mirror.pull()

    for i in (2, 3):
        mirror.client.update_contact(sids[i], first_name=None)
    date(mirror, {})
    for i in changed_again:
        mirror.client.update_contact(sids[i], tag="again")
    mirror.pull()

    mirror.check()


def test_a_number_that_moved_back_is_looked_for_in_lists(mirror: Mirror) -> None:
    _, sids = fill(mirror.client, 3)
    mirror.client.update_contact(sids[0], number=NUMBERS[9])
    date(mirror, {NUMBERS[9]: LATER})
    mirror.pull()

    mirror.client.update_contact(sids[0], number=NUMBERS[0])
    date(mirror, {})
    mirror.pull()

    mirror.check()
