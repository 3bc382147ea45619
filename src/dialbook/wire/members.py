"""Membership as JSON (contract section 6)."""

from msgspec import UNSET

from dialbook.model.bulk import Outcome, attempt
from dialbook.wire.body import AnyFields, read_items
from dialbook.wire.contacts import read_sid


class ReferenceIn(AnyFields, frozen=True):
    """A contact named by its sid."""

    contact_sid: object = UNSET


def read_references(body: bytes) -> list[Outcome[str]]:
    """Read the body of operation 13: contact sids, or refusals in their place."""
    given = read_items(body, "contact_references", ReferenceIn)
    return attempt(lambda reference: read_sid(reference.contact_sid, "Contact_sid"), given)
