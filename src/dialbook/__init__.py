"""Dialbook: an organisation's contacts, and the lists it calls and messages from.

`Client` and `AsyncClient`, what they return and what they raise are here by name; `dialbook.client` has them all.
"""

from importlib import import_module

TYPE_CHECKING = False  # as in typing, which takes longer to import than all of this

if TYPE_CHECKING:
    from dialbook.client import *  # noqa: F403
    from dialbook.client import AsyncClient, Client

__version__ = "0.1.0"

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> object:
    # The server is this package too, and is not to wait for the client's.
    if not name.startswith("_"):
        client = import_module("dialbook.client")
        if name in client.__all__:
            return getattr(client, name)
    raise AttributeError(f"module 'dialbook' has no attribute '{name}'")
