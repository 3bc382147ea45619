"""A database of its own for each test."""

import pytest

from tests.postgres import Postgres


@pytest.fixture
def url(postgres: Postgres) -> str:
    """The URL of an empty PostgreSQL database, ready to be served."""
    return postgres.create_book()
