"""A name that a call does not know is refused, as Python does: a server passes over it, and sends everybody."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from dialbook import Client

URL = "http://key:secret@127.0.0.1:1/v2/accounts/acme"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda client, query: client.list_contacts(**query), "tag"),
        (lambda client, query: client.iter_contacts(**query), "list_sid"),
        (lambda client, query: client.list_lists(**query), "tag"),
        (lambda client, query: client.iter_lists(**query), "names"),
        (lambda client, query: client.list_members("a", **query), "show_lists"),
        (lambda client, query: client.iter_members("a", **query), "first_names"),
        (lambda client, query: client.export_members("a", io.BytesIO(), **query), "sort_by"),
        (lambda client, query: client.upload_csv(b"number\n", "Friends", **query), "on_duplicates"),
    ],
)
@pytest.mark.parametrize("value", ["", "x"])
def test_it_is_refused_before_anything_is_sent(
    call: Callable[[Client, dict[str, Any]], object], name: str, value: str
) -> None:
    with Client(URL) as client, pytest.raises(TypeError, match=f"^'{name}' is not known; allowed are "):
        call(client, {name: value})
