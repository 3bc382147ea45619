"""The client library: the v2 contacts and lists API, of Dialbook or of the provider, as Python calls."""

from dialbook.client.aio.client import AsyncClient
from dialbook.client.aio.walk import AsyncWalk
from dialbook.client.errors import Interrupted, ItemsRefused, NoAnswer, NotUnderstood, Stopped, TimedOut
from dialbook.client.fields import ContactChange, ContactRef, ListChange, NewContact, NewList
from dialbook.client.results import (
    Contact,
    ContactList,
    Ok,
    Outcome,
    Page,
    RejectedRow,
    Results,
    Upload,
    UploadAccepted,
    UploadStats,
)
from dialbook.client.retries import Retries
from dialbook.client.sync.client import Client
from dialbook.client.sync.walk import Walk
from dialbook.model.errors import (
    DialbookError,
    Duplicate,
    Forbidden,
    Internal,
    Invalid,
    KeyReused,
    MethodNotAllowed,
    Missing,
    NotFound,
    PreconditionFailed,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreadable,
    UnsupportedType,
)

__all__ = [
    "AsyncClient",
    "AsyncWalk",
    "Client",
    "Contact",
    "ContactChange",
    "ContactList",
    "ContactRef",
    "DialbookError",
    "Duplicate",
    "Forbidden",
    "Internal",
    "Interrupted",
    "Invalid",
    "ItemsRefused",
    "KeyReused",
    "ListChange",
    "MethodNotAllowed",
    "Missing",
    "NewContact",
    "NewList",
    "NoAnswer",
    "NotFound",
    "NotUnderstood",
    "Ok",
    "Outcome",
    "Page",
    "PreconditionFailed",
    "RejectedRow",
    "Results",
    "Retries",
    "Stopped",
    "TimedOut",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "Unreadable",
    "UnsupportedType",
    "Upload",
    "UploadAccepted",
    "UploadStats",
    "Walk",
]
