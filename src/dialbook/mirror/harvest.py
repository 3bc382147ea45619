"""Who was met on the server: the numbers of those that can be stored, and why the others cannot."""

from collections.abc import Mapping, Sequence

from dialbook.client.results import Written
from dialbook.mirror.incoming import read_contacts
from dialbook.mirror.record import Met
from dialbook.model.contact import ContactDraft
from dialbook.model.errors import DialbookError


class Harvest:
    """Contacts by their sids; each is met any number of times, and counts as it was met last.

    Args:
        region: in which national numbers are read.
        refused: those that an earlier run has met and could not store.
    """

    def __init__(self, region: str, refused: Mapping[str, str]) -> None:
        self._region = region
        self._numbers: dict[str, str] = {}
        self.refused = dict(refused)
        self._fresh: dict[str, ContactDraft | str] = {}  # since the last time that they were taken

    def __contains__(self, sid: object) -> bool:
        return sid in self._numbers or sid in self.refused

    def __len__(self) -> int:
        return len(self._numbers) + len(self.refused)

    @property
    def numbers(self) -> set[str]:
        """The numbers of all that can be stored."""
        return set(self._numbers.values())

    @property
    def waiting(self) -> int:
        """How many were met since the last time that they were taken."""
        return len(self._fresh)

    def meet(self, contacts: Sequence[Written]) -> None:
        """Add contacts."""
        for contact, outcome in zip(contacts, read_contacts(contacts, self._region), strict=True):
            if isinstance(outcome, DialbookError):
                self._fresh[contact.sid] = outcome.description
                self._refuse(contact.sid, outcome.description)
            else:
                self._fresh[contact.sid] = outcome
                self._accept(contact.sid, str(outcome.number))

    def take(self, behind: int) -> tuple[list[ContactDraft], Met]:
        """What is to be stored of those met since the last time, and what is to be noted then."""
        drafts = {sid: each for sid, each in self._fresh.items() if isinstance(each, ContactDraft)}
        refused = {sid: each for sid, each in self._fresh.items() if isinstance(each, str)}
        self._fresh = {}
        return list(drafts.values()), Met({sid: str(each.number) for sid, each in drafts.items()}, refused, behind)

    def restore(self, met: Met) -> None:
        """Add whom a run has met, and stored, that was killed."""
        for sid, number in met.numbers.items():
            self._accept(sid, number)
        for sid, reason in met.refused.items():
            self._refuse(sid, reason)

    def refuse_shared(self) -> None:
        """Of contacts with one number, however it is written, the one met last is stored; refuse the others."""
        owners = {number: sid for sid, number in self._numbers.items()}
        for sid, number in list(self._numbers.items()):
            if owners[number] != sid:
                self._refuse(sid, shared(owners[number], number))

    def _accept(self, sid: str, number: str) -> None:
        self.refused.pop(sid, None)
        self._numbers.pop(sid, None)
        self._numbers[sid] = number

    def _refuse(self, sid: str, reason: str) -> None:
        self._numbers.pop(sid, None)
        self.refused[sid] = reason


def shared(owner: str, number: str) -> str:
    """Why a contact is refused whose number another one has."""
    return f"Contact '{owner}' has the number {number}, too."
