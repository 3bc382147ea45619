"""A caller that sends one bulk request after the other, and remembers what it was told of each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import httpx2

from acceptance.servers import rows

ITEMS = 50  # contacts in a bulk


@dataclass
class Bulks:
    """The contacts of a request have a tag of their own."""

    http: httpx2.Client
    numbers: Iterator[str]
    acknowledged: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # which were refused, or not answered

    def create(self) -> httpx2.Response:
        """Send the next.

        Raises:
            TransportError: there was no answer.
        """
        tag = f"bulk{len(self.acknowledged) + len(self.others)}"
        self.others.append(tag)
        contacts = [{"number": number, "tag": tag} for number in islice(self.numbers, ITEMS)]
        answer = self.http.post("/contacts", json={"contacts": contacts})
        if answer.status_code == 200:
            self.acknowledged.append(self.others.pop())
        return answer

    def lost(self, database: str) -> int:
        """How many contacts are missing of those that were acknowledged."""
        found = _sizes(database)
        return sum(ITEMS - found[tag] for tag in self.acknowledged)

    def torn(self, database: str) -> int:
        """How many of the others were made in part."""
        found = _sizes(database)
        return sum(found[tag] not in (0, ITEMS) for tag in self.others)


def _sizes(database: str) -> Counter[str]:
    return Counter(dict(rows(database, "SELECT tag, count(*) FROM contacts GROUP BY tag")))
