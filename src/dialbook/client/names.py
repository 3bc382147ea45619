"""What a call is given by name: a server passes over a name that it does not know, and over what is empty, and does as
if it were not there.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, TypeVar

from msgspec import Struct

from dialbook.client.fields import ContactQuery, ContactRef
from dialbook.client.results import Contact
from dialbook.wire.contacts import SHOW_LIST

T = TypeVar("T")
G = TypeVar("G", bound=Mapping[str, Any])

FILTERS = ("number", "name", "tag")

_SHOWN = frozenset({*Contact.__struct_fields__, "custom"})


def known(given: G, fields: type, beside: Set[str] = frozenset()) -> G:
    """What is given, by names that are all known.

    Args:
        given: it.
        fields: one of our TypedDicts, which has the names.
        beside: names that are passed over.

    Raises:
        TypeError: one is not known, as Python itself says of a keyword.
    """
    names = frozenset(fields.__annotations__)
    if unknown := sorted(given.keys() - names - beside):
        raise TypeError(f"{' and '.join(map(repr, unknown))} is not known; allowed are {', '.join(sorted(names))}.")
    return given


def known_items(items: Iterable[T], fields: type, shown: type[Struct]) -> Iterator[T]:
    """The items, one by one, each by names that are all known.

    Args:
        items: each a dict, or what a call gave.
        fields: as of `known`.
        shown: what a call gives in an item's place, all of which may be given back.

    Raises:
        TypeError: an item has a name that is not known.
    """
    beside = frozenset(shown.__struct_fields__)
    for item in items:
        if isinstance(item, dict):
            known(item, fields, beside)
        yield item


def named(contacts: Iterable[ContactRef | Contact]) -> list[Mapping[str, Any]]:
    """What names each of the contacts, and nothing else of them; all are there before the first of them goes, since a
    walk that they come from would pass over those who move up.

    Raises:
        TypeError: an item has a name that is not known, or is a sid alone.
    """
    return [_naming(each) for each in contacts]


def choosing(query: Mapping[str, Any], fields: type) -> dict[str, str | int]:
    """The part of a query that says which are wanted, as the wire writes it.

    Args:
        query: by names that have to be known.
        fields: as of `known`.

    Raises:
        ValueError: a text is empty, such as that of a variable that is not set: it would choose everybody.
        TypeError: a name is not known.
    """
    return as_sent(_filled(query, fields))


def choosing_contacts(query: ContactQuery) -> dict[str, str | int]:
    """The same, of the address book.

    Raises:
        ValueError: also where no list is named.
        TypeError: also where a text takes the place of lists.
    """
    chosen = dict(_filled(query, ContactQuery))
    if "list_sids" in chosen:
        chosen["list_sids"] = _joined(chosen["list_sids"])
    if chosen.pop("show_lists", False):
        chosen["filter"] = SHOW_LIST
    return as_sent(chosen)


def as_sent(given: Mapping[str, Any]) -> dict[str, str | int]:
    """What is set; a truth as the wire writes it."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
        if value is not None
    }


def _filled(query: Mapping[str, Any], fields: type) -> Mapping[str, Any]:
    if empty := [name for name in FILTERS if known(query, fields).get(name) == ""]:
        raise ValueError(f"{' and '.join(empty)} must not be empty; without it, all are meant.")
    return query


def _joined(list_sids: Iterable[str]) -> str:
    if isinstance(list_sids, str):  # whose letters it would name
        raise TypeError("list_sids is a text; it has to be a list of sids, also of one.")
    sids = list(list_sids)
    if not sids or "" in sids:
        raise ValueError("list_sids holds one sid or more, none of them empty; without it, all contacts are meant.")
    return ",".join(sids)


def _naming(contact: ContactRef | Contact) -> Mapping[str, Any]:
    if isinstance(contact, Contact):
        return {"sid": contact.sid}
    if isinstance(contact, str):
        raise TypeError("A contact is a text; it has to be {'sid': …}, {'number': …}, or what a call gave.")
    given = known(contact, ContactRef, _SHOWN)
    return {name: value for name, value in given.items() if name in ContactRef.__annotations__}
