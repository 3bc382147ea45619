"""A name that a call does not know is refused, as Python does: a server passes over it, and sends everybody, or sets
nothing."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import asdict

from dialbook import Client
from tests.client.conftest import fill
from tests.conftest import NUMBERS

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
        (lambda client, fields: client.update_contact("a", **fields), "frist_name"),
        (lambda client, fields: client.update_list("a", **fields), "nmae"),
        (lambda client, fields: client.create_contacts([{"number": NUMBERS[0], **fields}]), "firstname"),
        (lambda client, fields: client.update_contacts([{"sid": "a", **fields}]), "firstname"),
        (lambda client, fields: client.create_lists([{"name": "Friends", **fields}]), "kind"),
        (lambda client, fields: client.update_lists([{"sid": "a", **fields}]), "Name"),
    ],
)
@pytest.mark.parametrize("value", ["", "x"])
def test_it_is_refused_before_anything_is_sent(
    call: Callable[[Client, dict[str, Any]], object], name: str, value: str
) -> None:
    with Client(URL) as client, pytest.raises(TypeError, match=f"^'{name}' is not known; allowed are "):
        call(client, {name: value})


@pytest.mark.sqlite
def test_what_a_call_gave_can_be_given_back(client: Client) -> None:
    fill(client, 2)
    contacts, lists = list(client.iter_contacts(show_lists=True)), list(client.iter_lists())
    for contact in contacts:
        client.delete_contact(contact.sid)
    client.delete_list(lists[0].sid)
    given: Any = [contacts[0], {**asdict(contacts[1]), "lists": [], "list_id": "a", "custom": {"a": 1}}]
    (friends,) = client.create_lists([asdict(each) for each in lists]).raise_for_failures()  # type: ignore[misc]

    made = client.create_contacts(given).raise_for_failures()
    client.update_contacts(asdict(each) | {"lists": [], "list_id": "a"} for each in made).raise_for_failures()  # type: ignore[misc]

    assert [contact.number for contact in made] == NUMBERS[:2]
    assert client.update_contact(made[0].sid, custom={"b": 2}).custom_field == {"b": 2}
    assert client.update_list(friends.sid, name="Kin").name == "Kin"


def test_a_sid_alone_is_no_contact_to_delete(client: Client) -> None:
    _, sids = fill(client, 1)
    delete: Any = client.delete_contacts

    with pytest.raises(TypeError, match="A contact is a text"):
        delete(sids)
    with pytest.raises(TypeError, match="'name' is not known; allowed are number, sid"):
        delete([{"sid": sids[0], "name": "Asha"}])

    delete([{"sid": sids[0], "custom": {}}])
    assert client.list_contacts().total == 0
