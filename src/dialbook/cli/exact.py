"""The client of the commands: what they print, a program may write back."""

from typing import TypeVar

from dialbook.client import Client
from dialbook.client.operations import Operation, as_written

T = TypeVar("T")


class ExactClient(Client):
    """An account whose contacts are `Written` where they are read."""

    def _send(self, operation: Operation[T]) -> T:
        return super()._send(as_written(operation))
