"""The process that works off uploads, beside a server: its own, so that reading files keeps no request waiting."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

log = logging.getLogger(__name__)

PAUSE = 2.0  # seconds before a process that ended is followed by another


@contextmanager
def working_off() -> Iterator[None]:
    """Have a process work off uploads, by the settings in the environment, until the caller is done."""
    supervisor = Supervisor()
    thread = threading.Thread(target=supervisor.supervise, name="dialbook-jobs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        supervisor.stop()
        thread.join()


class Supervisor:
    """Starts the process, and starts it anew when it ends by itself."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # held while the process is replaced, or told to end
        self._process = _start()

    def supervise(self) -> None:
        """Wait for the end."""
        while True:
            status = self._process.wait()
            if self._stopping.wait(PAUSE):
                return
            log.warning("what works off uploads has ended (%d), and is started again", status)
            with self._lock, suppress(OSError):  # one that cannot be started now is tried again
                if not self._stopping.is_set():
                    self._process = _start()

    def stop(self) -> None:
        """Have the process finish what it is at, and end."""
        with self._lock:
            self._stopping.set()
            if self._process.stdin:
                self._process.stdin.close()


def _start() -> subprocess.Popen[bytes]:
    # It ends when this pipe does: see parent.py.
    return subprocess.Popen([sys.executable, "-m", "dialbook.jobs"], stdin=subprocess.PIPE)  # ourselves
