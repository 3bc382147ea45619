"""The rate limit: off by default, a sliding window for each account when it is set."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dialbook.model.errors import TooManyRequests
from dialbook.server.rate_limit import RateLimit
from dialbook.settings import Settings
from tests.conftest import Client, Server, serving


@pytest.fixture(scope="module")
def limited(new_database: Callable[[], str]) -> Iterator[Server]:
    with serving(Settings(database=new_database(), rate_limit=3)) as server:
        yield server


def test_the_fourth_request_in_a_minute_is_refused(limited: Server, connect: Callable[..., Client]) -> None:
    client = connect("busy", to=limited)

    answers = [client.get("/contacts") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
    assert answers[3].json()["response"]["error_data"]["code"] == 1006
    assert 0 < int(answers[3].headers["retry-after"]) <= 60
    for answer in answers:
        left, reset = answer.headers["x-ratelimit-remaining"], answer.headers["x-ratelimit-reset"]
        assert answer.headers["ratelimit"] == f'"default";r={left};t={reset}'
        assert answer.headers["ratelimit-policy"] == '"default";q=3;w=60'


def test_refusals_count_and_say_what_is_left(limited: Server, connect: Callable[..., Client]) -> None:
    client = connect("wrong", to=limited)

    answer = client.get(f"/contacts/{'0' * 32}")

    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (404, "2")


def test_one_account_does_not_use_up_anothers(limited: Server, connect: Callable[..., Client]) -> None:
    greedy, modest = connect("greedy", to=limited), connect("modest", to=limited)
    for _ in range(4):
        greedy.get("/contacts")

    assert modest.get("/contacts").status_code == 200


def test_by_default_there_is_none(api: Client) -> None:
    answers = [api.get("/contacts") for _ in range(10)]

    assert {answer.status_code for answer in answers} == {200}
    assert "x-ratelimit-limit" not in answers[0].headers


@given(st.integers(1, 5), st.lists(st.tuples(st.floats(0, 90), st.booleans()), min_size=1, max_size=40))
def test_no_minute_holds_more_than_is_allowed(allowed: int, requests: list[tuple[float, bool]]) -> None:
    """Of requests that come, after a wait each, to one worker or the other."""
    now = 0.0
    admitted: list[float] = []
    with TemporaryDirectory() as folder:
        workers = [RateLimit(allowed, Path(folder), clock=lambda: now) for _ in range(2)]
        for wait, worker in requests:
            now += wait
            recent = [moment for moment in admitted if moment > now - 60]
            if len(recent) == allowed:
                with pytest.raises(TooManyRequests) as refused:
                    workers[worker].admit("a")
                assert 0 <= int(refused.value.headers["Retry-After"]) - (recent[0] + 60 - now) < 1
            else:
                assert workers[worker].admit("a")["X-RateLimit-Remaining"] == str(allowed - len(recent) - 1)
                admitted.append(now)
