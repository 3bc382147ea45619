"""Tokens: what they look like, which texts can be none, and what is kept of them."""

import re
from hashlib import sha256
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dialbook.model.credentials import (
    LETTERS,
    TOKEN,
    hash_token,
    is_same_hash,
    mark_in,
    mark_of,
    mask_tokens,
    may_be_credentials,
    new_key,
    new_token,
    seal,
)

KEY = "6d73126c0ff16e099aa19084a2a9ba3b"
# The checksum of 43 zeros is what other programs have to come to, too.
KNOWN = "dbk_" + "0" * 43 + "2CZclj"
FIRST, SECOND = "the first secret, of 32 characters", "the second secret, of 32 characters"

TOKENS = [new_token() for _ in range(20)]


@st.composite
def mistyped(draw: st.DrawFn) -> str:
    """A token of which one letter is another."""
    token = draw(st.sampled_from(TOKENS))
    place = draw(st.integers(0, len(token) - 1))
    other = draw(st.sampled_from(LETTERS).filter(lambda letter: letter != token[place]))
    return f"{token[:place]}{other}{token[place + 1 :]}"


def test_a_token_looks_as_the_document_says() -> None:
    document = (Path(__file__).parents[2] / "docs/security.md").read_text()

    assert f"`{TOKEN}`" in document
    assert all(re.fullmatch(TOKEN, new_token()) for _ in range(100))


def test_no_two_are_alike() -> None:
    assert len({new_token() for _ in range(1000)}) == len({new_key() for _ in range(1000)}) == 1000


def test_what_is_made_may_be_credentials() -> None:
    assert all(may_be_credentials(new_key(), new_token()) for _ in range(100))


def test_the_checksum_is_the_crc_32_of_the_letters_before_it_in_base_62() -> None:
    assert may_be_credentials(KEY, KNOWN)


@given(mistyped())
def test_a_mistyped_token_is_known_as_such(token: str) -> None:
    assert not may_be_credentials(KEY, token)


@pytest.mark.parametrize(
    ("key", "token", "may_be"),
    [
        (KEY, "A" * 43, True),  # as tokens were made at first
        (KEY, "-_" + "A" * 41, True),
        (KEY, "A" * 42, False),
        (KEY, "A" * 44, False),
        (KEY, "é" * 43, False),
        (KEY, "", False),
        (KEY, f"{KNOWN}\n", False),
        (KEY.upper(), KNOWN, False),
        (KEY[:-1], KNOWN, False),
        (f"{KEY}\n", KNOWN, False),
        ("", KNOWN, False),
    ],
)
def test_other_texts_may_or_may_not_be_credentials(key: str, token: str, may_be: bool) -> None:
    assert may_be_credentials(key, token) is may_be


@given(st.text(st.characters(codec="utf-8")))
def test_without_a_secret_the_hash_is_plain(token: str) -> None:
    assert hash_token(token, "") == sha256(token.encode()).hexdigest()
    assert mark_in(hash_token(token, "")) == mark_of("") == ""


def test_a_secret_makes_other_hashes_and_is_named_in_them() -> None:
    plain, first, second = (hash_token(KNOWN, secret) for secret in ("", FIRST, SECOND))

    assert plain not in first
    assert not is_same_hash(first, second)
    assert (mark_in(first), mark_in(second)) == (mark_of(FIRST), mark_of(SECOND))
    assert first == hash_token(KNOWN, FIRST)


def test_sealing_a_plain_hash_gives_what_the_token_itself_would_have_given() -> None:
    """So that keys can be sealed whose tokens nobody has."""
    assert seal(hash_token(KNOWN, ""), FIRST) == hash_token(KNOWN, FIRST)


@given(st.text(), st.text())
def test_no_token_is_left_in_what_is_shown(before: str, after: str) -> None:
    shown = mask_tokens(f"{before}{KNOWN}{after}{KNOWN}")

    assert KNOWN not in shown
    assert re.search(TOKEN, shown) is None


@given(st.text())
def test_what_holds_no_token_is_shown_as_it_is(text: str) -> None:
    assert mask_tokens(text) == text
