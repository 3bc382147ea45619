"""The file of an upload that is broken further on: nobody is told that it has ended there."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dialbook.jobs.rows import OpenFile
from dialbook.model.errors import Invalid
from dialbook.store.spool import Spool
from tests.conftest import NUMBERS

SID = "0" * 32
CHUNK = 2


@pytest.fixture
def file(tmp_path: Path) -> Iterator[OpenFile]:
    """Two good rows, and then what is no text."""
    (tmp_path / f"{SID}.upload").write_bytes("\n".join(["number", *NUMBERS[:CHUNK], "\0"]).encode())
    locked = Spool(tmp_path).lock(SID)
    assert locked
    with closing(OpenFile(locked, "static", "IN", limit=1000, chunk=CHUNK)) as file:
        yield file


def test_a_chunk_that_is_asked_for_again_is_followed_by_what_follows_it(file: OpenFile) -> None:
    """As it is when the database could not be written, and what comes next was looked at before."""
    for _ in range(2):
        chunk = file.chunk(0)
        assert len(chunk.rows) == CHUNK
        with pytest.raises(Invalid, match="NUL on line 4"):
            file.read_ahead(chunk)

    with pytest.raises(Invalid, match="NUL on line 4"):
        file.chunk(CHUNK)
