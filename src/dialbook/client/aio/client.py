"""The client: the calls of every noun over one connection."""

from dialbook.client.aio.contacts import AsyncContactCalls
from dialbook.client.aio.lists import AsyncListCalls
from dialbook.client.aio.members import AsyncMemberCalls
from dialbook.client.aio.uploads import AsyncUploadCalls


class AsyncClient(AsyncContactCalls, AsyncListCalls, AsyncMemberCalls, AsyncUploadCalls):
    """An account of Dialbook's, or of the provider's.

    Every call raises a `DialbookError`: one class for each kind of refusal, with its `status`, `code`, `description`
    and `request_id`; `NoAnswer` and `TimedOut` when none came; `NotUnderstood` when what came was none of this API's.
    """
