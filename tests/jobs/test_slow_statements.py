"""Chunks that PostgreSQL does not write within its limit of time."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest
from anyio.from_thread import start_blocking_portal

from dialbook.jobs.runner import Runner
from dialbook.model.errors import DialbookError
from dialbook.model.lists import ListLimits
from dialbook.model.upload import UploadLimits
from dialbook.settings import Settings
from dialbook.store.engines import open_database
from dialbook.store.spool import open_spool
from tests.conftest import NUMBERS, Client, serving
from tests.postgres import Postgres
from tests.server.uploads.sending import status_of

ROWS = 400
SLOW_WITH_MANY = b"""
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM made) > 300 THEN PERFORM pg_sleep(60); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER waits AFTER INSERT ON contacts REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION wait();
"""


def test_what_takes_postgres_too_long_is_tried_again_with_half_as_many(
    postgres: Postgres, new_client: Callable[..., Client]
) -> None:
    url = postgres.create_book()
    with serving(Settings(database=url)) as server:
        api, settings = new_client(server), server.settings
        answer = api.upload("\n".join(["number", *NUMBERS[:ROWS]]).encode())
        with psycopg.connect(url) as connection:
            connection.execute(SLOW_WITH_MANY)
        spool = open_spool(settings.upload_folder, url)
        limits = UploadLimits(ListLimits(), settings.upload_limit)
        with (
            closing(open_database(f"{url}?options=-c%20statement_timeout%3D500ms")) as db,
            closing(Runner(db, spool, limits, lambda: datetime.now(UTC))) as runner,
            start_blocking_portal() as portal,
        ):
            with pytest.raises(DialbookError):
                portal.call(runner.turn)
            while portal.call(runner.turn):
                pass
        status = status_of(api, answer)

    assert (status["status"], status["stats"]["total"]) == ("completed", ROWS)
