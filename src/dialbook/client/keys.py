"""The keys by which a change can be sent again, and how a server shows that it knows them."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from dialbook.client.operations import Operation

KEY = "Idempotency-Key"


def new_key(operation: Operation[Any]) -> str | None:
    """A key that nobody has, for all attempts at a change; none for what changes nothing."""
    return None if operation.method == "GET" else str(uuid4())


def is_confirmed(key: str | None, headers: Mapping[str, str]) -> bool:
    """Whether an answer shows that its server knows keys: it has the one that was sent.

    Who passes over a header that he does not know does not send it back.
    """
    return key is not None and headers.get(KEY) == key
