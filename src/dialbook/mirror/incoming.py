"""Contacts of another server as what can be stored here: they come in by the same door as those of a request."""

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from operator import itemgetter

import msgspec

from dialbook.client.results import Contact, Written
from dialbook.model.bulk import Outcome, attempt
from dialbook.model.contact import TEXT_FIELDS, ContactDraft
from dialbook.model.phone import number_draft
from dialbook.wire.body import BULK_LIMIT
from dialbook.wire.contacts import read_drafts

FIELDS = ("number", *TEXT_FIELDS, "custom_field")

NOTHING = ("null", '""')  # custom fields that are none

_encode = msgspec.json.Encoder().encode


def read_contacts(contacts: Sequence[Contact], region: str) -> list[Outcome[ContactDraft]]:
    """Read contacts.

    Args:
        contacts: any number of them.
        region: in which national numbers are read.

    Returns:
        A draft for each, in order, or why it cannot be stored.
    """
    drafts: list[Outcome[ContactDraft]] = []
    for start in range(0, len(contacts), BULK_LIMIT):
        part = contacts[start : start + BULK_LIMIT]
        body = _encode({"contacts": [{field: getattr(contact, field) for field in FIELDS} for contact in part]})
        drafts += read_drafts(body)
    return attempt(partial(number_draft, region=region), drafts)


def by_number(contacts: Sequence[Written], region: str) -> dict[str, Written]:
    """Those that can be stored, by their numbers, in order; of several with one number the first."""
    found: dict[str, Written] = {}
    for contact, outcome in zip(contacts, read_contacts(contacts, region), strict=True):
        if isinstance(outcome, ContactDraft):
            found.setdefault(str(outcome.number), contact)
    return found


def custom_text(contact: Written) -> str | None:
    """A contact's custom field as it is stored."""
    text = bytes(contact.custom_field).decode()
    return None if text in NOTHING else text


def is_same_custom(first: str | None, second: str | None) -> bool:
    """Whether two custom fields say the same to the last digit, however they are written."""
    return first == second or (first is not None and second is not None and _exact(first) == _exact(second))


def _exact(text: str) -> object:
    return json.loads(text, parse_float=_number, parse_int=_number, object_pairs_hook=_sorted)


def _number(text: str) -> object:
    try:
        return (Decimal(text),)  # in a tuple, since to Python true is 1
    except InvalidOperation:  # an exponent that no decimal has
        return (text,)


def _sorted(pairs: Sequence[tuple[str, object]]) -> object:
    # Of a key that is there twice, both count: which of them a reader takes, is his to say.
    return tuple(sorted(pairs, key=itemgetter(0)))
