"""Uploads rest where the database is asked by others, and only there."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from dialbook.jobs.pace import BREATH_SECONDS, MANY, REST, WINDOW_SECONDS, Pace
from dialbook.store.engines import open_database
from dialbook.store.upload_queue import count_transactions
from tests.postgres import Postgres

CHUNKS = st.lists(st.floats(0.05, 2), min_size=1, max_size=30)  # seconds that each takes


class Day:
    """An upload's, chunk after chunk."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.now = self.transactions = 0.0
        self.chunk(0, 0)

    def chunk(self, worked: float, rate: float) -> float:
        """How long to rest after one, beside so many transactions a second."""
        self.now += worked
        self.transactions += worked * rate
        return self.pace.rest(worked, now=self.now, transactions=int(self.transactions))


@given(chunks=CHUNKS)
def test_it_rests_while_others_ask_for_much(chunks: list[float]) -> None:
    day = Day()

    assert [day.chunk(worked, 2 * MANY) for worked in chunks] == [REST * worked for worked in chunks]


@given(busy=CHUNKS, chunks=CHUNKS)
def test_it_does_not_rest_once_they_have_stopped(busy: list[float], chunks: list[float]) -> None:
    day = Day()
    for worked in busy:
        day.chunk(worked, 2 * MANY)
    day.chunk(WINDOW_SECONDS + 1, 0)
    day.chunk(WINDOW_SECONDS + 1, 0)

    assert {day.chunk(worked, MANY / 2) for worked in chunks} == {BREATH_SECONDS}


def test_postgresql_tells_of_the_transactions_of_others(postgres: Postgres) -> None:
    async def read_until_told() -> None:
        asking, told = open_database(url), open_database(url)
        first = await told.read(count_transactions)
        while await told.read(count_transactions) < first + 10:
            await asking.read(count_transactions)
        asking.close()
        told.close()

    url = postgres.create_book()
    asyncio.run(read_until_told())
