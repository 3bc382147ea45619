"""Forgetting what is kept for a while only: uploads that have ended, answers, and entries of the audit log."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec

from msgspec import Struct

from dialbook.jobs.pace import BREATH_SECONDS
from dialbook.jobs.told import reason_of
from dialbook.log import describe
from dialbook.model.errors import DialbookError
from dialbook.settings import Settings
from dialbook.store.accounts import list_account_sids
from dialbook.store.audit import prune
from dialbook.store.audit_log import list_chains
from dialbook.store.database import Database, Tx
from dialbook.store.idempotency import forget_answers
from dialbook.store.uploads import forget_upload

FORGET_SECONDS = 3600.0

log = logging.getLogger(__name__)

P = ParamSpec("P")


class Retention(Struct, frozen=True):
    """For how long what is kept."""

    uploads: timedelta  # after their end
    answers: timedelta
    entries: timedelta  # of the audit log


def retention_of(settings: Settings) -> Retention:
    """What an operator has set."""
    return Retention(
        timedelta(days=settings.report_days),
        timedelta(hours=settings.idempotency_hours),
        timedelta(days=settings.audit_days),
    )


async def forget_now_and_then(db: Database, retention: Retention, clock: Callable[[], datetime]) -> None:
    """Forget what is older than that, once an hour, until cancelled."""
    while True:
        try:
            await forget(db, retention, now=clock())
        except DialbookError as trouble:
            log.warning("nothing old is forgotten until the next hour: %s", trouble)
        except Exception as bug:  # noqa: BLE001  # in an hour it is tried again, whatever it was
            log.error("nothing old is forgotten until the next hour: %s", describe(bug))  # noqa: TRY400
        await asyncio.sleep(FORGET_SECONDS)


async def forget(db: Database, retention: Retention, *, now: datetime) -> None:
    """Forget it, account by account, in steps that keep no change waiting for long.

    What does not go now, since somebody keeps an account's book locked, goes the next time.

    Raises:
        Unavailable: the database cannot be used now.
    """
    for account in await db.read(list_account_sids):
        await _step_by_step(db, forget_upload, account, before=now - retention.uploads, now=now)
        await _step_by_step(db, forget_answers, account, before=now - retention.answers)
    # By whole days, so that it is once a day that an entry says so.
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for account in await db.read(list_chains):
        await _step_by_step(db, prune, account, before=today - retention.entries, now=now)


async def _step_by_step(
    db: Database, step: Callable[Concatenate[Tx, str, P], int], account: str, /, *args: P.args, **kwargs: P.kwargs
) -> None:
    try:
        while await db.write(step, account, *args, **kwargs):
            await asyncio.sleep(BREATH_SECONDS)
    except DialbookError as trouble:
        log.warning("%s is put off for %s until the next hour: %s", step.__name__, account, reason_of(trouble))
    except Exception as bug:  # noqa: BLE001  # what is wrong with one account must not keep what others have
        log.error("%s is put off for %s until the next hour: %s", step.__name__, account, describe(bug))  # noqa: TRY400
