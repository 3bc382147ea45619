# Built by tools/build_sync_client.py from src/dialbook/client/aio/client.py: change it there.
"""The client: the calls of every noun over one connection."""

from dialbook.client.sync.contacts import ContactCalls
from dialbook.client.sync.lists import ListCalls
from dialbook.client.sync.members import MemberCalls
from dialbook.client.sync.uploads import UploadCalls


class Client(ContactCalls, ListCalls, MemberCalls, UploadCalls):
    """An account of Dialbook's, or of the provider's.

    Every call raises a `DialbookError`: one class for each kind of refusal, with its `status`, `code`, `description`
    and `request_id`; `NoAnswer` and `TimedOut` when none came; `NotUnderstood` when what came was none of this API's.
    """
