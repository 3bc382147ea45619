"""Why uploads wait, and files of others stay, as the log says it: each reason once, when it begins."""

import logging
from collections.abc import Collection

from dialbook.model.errors import DialbookError, Unavailable
from dialbook.store.upload_queue import Queued

log = logging.getLogger(__name__)


class Told:
    """What the log was told of the uploads that wait."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}  # by the sid of the account, or of the upload
        self._files: set[str] = set()  # that stay, by the sid of the upload

    def tell(self, whose: str, queued: Queued, reason: str, level: int = logging.WARNING) -> None:
        """Say why an upload waits, if that is not what was said last.

        Args:
            whose: the account, if its other uploads wait with it, or the upload.
            queued: the upload.
            reason: why.
            level: of the line in the log.
        """
        if self._reasons.get(whose) != reason:
            log.log(level, "upload %s of %s waits: %s", queued.upload, queued.account, reason)
            self._reasons[whose] = reason

    def tell_of_file(self, sid: str, trouble: OSError) -> None:
        """Say, once for each file, why one stays that no upload waits for."""
        if sid not in self._files:
            log.warning("the file of upload %s stays: it cannot be read (%s)", sid, trouble.strerror)
            self._files.add(sid)

    def forget(self, queued: Queued) -> None:
        """Take note that an upload goes on, and so does its account."""
        self._reasons.pop(queued.account, None)
        self._reasons.pop(queued.upload, None)

    def forget_others(self, queue: Collection[Queued]) -> None:
        """Take note of what waits at all: the rest has ended."""
        known = {each.account for each in queue} | {each.upload for each in queue}
        for whose in self._reasons.keys() - known:
            del self._reasons[whose]


def reason_of(trouble: DialbookError | OSError) -> str:
    """What the log may say of trouble: what is none of the database's may name a person, or a file."""
    return str(trouble) if isinstance(trouble, Unavailable) else type(trouble).__name__
