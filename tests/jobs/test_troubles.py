"""What is wrong with one account keeps no other's uploads from being worked off, and nothing of theirs from going."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dialbook.model.errors import Unavailable
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, execute, forget_old, serving, work_off
from tests.jobs.test_forgetting import uploads_of
from tests.server.uploads.sending import status_of, upload_of

pytestmark = pytest.mark.sqlite

LOSES_ITS_END = "DELETE FROM audit_chains WHERE account = :account"
FALLS_BEHIND = "UPDATE audit_chains SET number = number - 1 WHERE account = :account"  # which nobody has foreseen
FILE = f"number\n{NUMBERS[0]}\n".encode()


@pytest.fixture
def alone(new_database: Callable[[], str]) -> Iterator[Server]:
    """A server in whose book an account may be damaged."""
    with serving(Settings(database=new_database())) as server:
        yield server


@pytest.fixture
def damaged(alone: Server, new_client: Callable[..., Client]) -> Client:
    return new_client(alone, "acme")


@pytest.fixture
def sound(alone: Server, new_client: Callable[..., Client]) -> Client:
    return new_client(alone, "zeta")


@pytest.mark.parametrize("damage", [LOSES_ITS_END, FALLS_BEHIND])
def test_the_uploads_of_others_are_worked_off(
    damage: str, alone: Server, damaged: Client, sound: Client, caplog: pytest.LogCaptureFixture
) -> None:
    waiting, answer = damaged.upload(FILE), sound.upload(FILE)
    execute(alone.database, damage, account="acme")

    with pytest.raises(Unavailable):
        work_off(alone)

    assert status_of(sound, answer)["status"] == "completed"
    assert status_of(damaged, waiting)["status"] == "in-progress"
    named = f"upload {upload_of(waiting)} waits: ConstraintError at" in caplog.text
    assert named is (damage == FALLS_BEHIND)
    assert NUMBERS[0] not in caplog.text


@pytest.mark.parametrize(
    ("damage", "says"), [(LOSES_ITS_END, "The account's audit log is damaged"), (FALLS_BEHIND, "ConstraintError at")]
)
def test_what_others_have_is_forgotten(
    damage: str, says: str, alone: Server, damaged: Client, sound: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for client in (damaged, sound):
        client.upload(FILE)
    work_off(alone)
    execute(alone.database, damage, account="acme")

    forget_old(alone, datetime.now(UTC) + timedelta(days=10_000))

    assert (len(uploads_of(damaged)), uploads_of(sound)) == (1, [])
    assert f"nothing old of acme is forgotten until the next hour: {says}" in caplog.text
