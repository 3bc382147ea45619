"""What is wrong with one account keeps no other's uploads from being worked off, and nothing of theirs from going."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from dialbook.jobs import runner as runner_module
from dialbook.jobs.runner import Runner
from dialbook.model.errors import Unavailable
from dialbook.model.lists import ListLimits
from dialbook.model.upload import UploadLimits
from dialbook.store.engines import open_database
from dialbook.store.spool import open_spool
from tests.conftest import NUMBERS, Client, Server, execute, forget_old, work_off
from tests.jobs.test_forgetting import uploads_of
from tests.server.uploads.sending import status_of, upload_of

pytestmark = pytest.mark.sqlite

LOSES_ITS_END = "DELETE FROM audit_chains WHERE account = :account"
FALLS_BEHIND = "UPDATE audit_chains SET number = number - 1 WHERE account = :account"  # which nobody has foreseen
IS_MENDED = "UPDATE audit_chains SET number = number + 1 WHERE account = :account"
FILE = f"number\n{NUMBERS[0]}\n".encode()


@pytest.fixture
def damaged(alone: Server, new_client: Callable[..., Client]) -> Client:
    return new_client(alone, "acme")


@pytest.fixture
def sound(alone: Server, new_client: Callable[..., Client]) -> Client:
    return new_client(alone, "zeta")


@contextmanager
def working_off(server: Server, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[Runner]:
    spool = open_spool(server.settings.upload_folder, server.database)
    with (
        closing(open_database(server.database)) as db,
        closing(Runner(db, spool, UploadLimits(ListLimits(), 10_000), clock)) as runner,
    ):
        yield runner


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("dialbook.jobs.")]


@pytest.fixture
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "TROUBLE_SECONDS", 0.0)


@pytest.mark.usefixtures("_without_pauses")
@pytest.mark.parametrize(
    ("damage", "why"),
    [(LOSES_ITS_END, "The account's audit log is damaged "), (FALLS_BEHIND, "ConstraintError at ")],
)
def test_the_uploads_of_others_are_worked_off(
    damage: str, why: str, alone: Server, damaged: Client, sound: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says once why those of the one wait, who else there is, and however often they are tried."""
    waiting, answer = damaged.upload(FILE), sound.upload(FILE)
    execute(alone.database, damage, account="acme")
    ended, tries = asyncio.Event(), count(1)

    def clock() -> datetime:
        if next(tries) == 5:
            ended.set()
        return datetime.now(UTC)

    with working_off(alone, clock) as runner:
        asyncio.run(runner.run(ended))

    assert status_of(sound, answer)["status"] == "completed"
    assert status_of(damaged, waiting)["status"] == "in-progress"
    (line,) = told(caplog)
    assert line.startswith(f"upload {upload_of(waiting)} of acme waits: {why}")
    assert NUMBERS[0] not in caplog.text


def test_what_begins_anew_is_told_anew(alone: Server, damaged: Client, caplog: pytest.LogCaptureFixture) -> None:
    first, second = (upload_of(damaged.upload(FILE)) for _ in range(2))

    with working_off(alone) as runner, asyncio.Runner() as loop:
        execute(alone.database, FALLS_BEHIND, account="acme")
        for _ in range(2):
            with pytest.raises(Unavailable):
                loop.run(runner.turn())
        execute(alone.database, IS_MENDED, account="acme")
        assert loop.run(runner.turn())
        execute(alone.database, FALLS_BEHIND, account="acme")
        with pytest.raises(Unavailable):
            loop.run(runner.turn())

    assert [line.partition(":")[0] for line in told(caplog)] == [
        f"upload {sid} of acme waits" for sid in (first, second)
    ]


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
    assert f"forget_upload is put off for acme until the next hour: {says}" in caplog.text
