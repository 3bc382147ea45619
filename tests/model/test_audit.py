"""The notation of sids in the audit log."""

import hypothesis.strategies as st
from hypothesis import given

from dialbook.model.audit import has_sid, read_runs, write_runs

# Sids near each other, so that there are runs; and what is no sid.
sids = st.one_of(st.integers(0, 20).map("{:032x}".format), st.sampled_from(["acme", "7:abc", "f" * 32, ""[:0] or "0"]))


@given(st.lists(sids), sids)
def test_what_is_written_is_read_each_once_and_in_order(given: list[str], other: str) -> None:
    written = write_runs(given)

    assert list(read_runs(written)) == list(dict.fromkeys(given))
    assert has_sid(written, other) == (other in given)


def test_many_that_count_up_take_no_more_room_than_one() -> None:
    assert write_runs(f"{i:032x}" for i in range(5000)) == f"{0:032x}+4999"
