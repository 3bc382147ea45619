"""Contacts of another server as what can be stored here: they come in by the same door as those of a request."""

from collections.abc import Sequence
from functools import partial

import msgspec

from dialbook.client.results import Contact
from dialbook.model.bulk import Outcome, attempt
from dialbook.model.contact import TEXT_FIELDS, ContactDraft
from dialbook.model.phone import number_draft
from dialbook.wire.body import BULK_LIMIT
from dialbook.wire.contacts import read_drafts

FIELDS = ("number", *TEXT_FIELDS, "custom_field")

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


def by_number(contacts: Sequence[Contact], region: str) -> dict[str, Contact]:
    """Those that can be stored, by their numbers, in order; of several with one number the first."""
    found: dict[str, Contact] = {}
    for contact, outcome in zip(contacts, read_contacts(contacts, region), strict=True):
        if isinstance(outcome, ContactDraft):
            found.setdefault(str(outcome.number), contact)
    return found


def custom_text(contact: Contact) -> str | None:
    """A contact's custom field as it is stored."""
    return _encode(contact.custom_field).decode() if contact.custom_field else None


def custom_value(text: str | None) -> object:
    """A custom field that is stored as text, as a request has it."""
    return None if text is None else msgspec.json.decode(text)
