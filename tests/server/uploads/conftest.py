"""What uploads are tested on."""

from collections.abc import Callable, Iterator

import pytest

from dialbook.settings import Settings
from tests.conftest import Server, serving, work_off


@pytest.fixture(autouse=True)
def _no_files_of_others(server: Server) -> None:
    """Work off what another test has left."""
    work_off(server)


@pytest.fixture(scope="module")
def small(new_database: Callable[[], str]) -> Iterator[Server]:
    """A server with low limits."""
    limits = Settings(database=new_database(), static_list_limit=10, dynamic_list_limit=20, upload_limit=4096)
    with serving(limits) as server:
        yield server
