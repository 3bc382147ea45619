"""Entity tags: names for states, so that a caller can say which one it knows (RFC 9110 sections 8.8 and 13.1).

A tag names what is stored, not the bytes of an answer, each of which carries an id of its own (docs/decisions/0015).
"""

from collections.abc import Container
from typing import Protocol, TypeAlias

from dialbook.model.errors import PreconditionFailed

ETags: TypeAlias = Container[str]


class _Every:
    def __contains__(self, _: object) -> bool:
        return True


ANY: ETags = _Every()
NONE: ETags = frozenset()


class Tagged(Protocol):
    """What has a tag."""

    @property
    def etag(self) -> str: ...


def is_expected(found: Tagged, expected: ETags) -> bool:
    """Whether something is in one of the states in which the caller expects it."""
    # Most expect nothing, and need not wait for a tag to be made.
    return expected is ANY or found.etag in expected


def unexpected() -> PreconditionFailed:
    """The refusal of a change to something that is in another state."""
    return PreconditionFailed("If-Match does not name the state that this is in now: read it again for its ETag.")
