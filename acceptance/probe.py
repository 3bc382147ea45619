"""Asks a server for `/healthz` again and again, in a process of its own, and writes how long each answer took."""

import sys
import time

import httpx2

from tests.processes import HANG_SECONDS

PAUSE = 0.05  # seconds between two


def main(url: str) -> None:
    """Ask the server at `url` until somebody ends this process."""
    with httpx2.Client(base_url=url, timeout=HANG_SECONDS, verify=False) as http:
        while True:
            began = time.monotonic()
            http.get("/healthz").raise_for_status()
            print(time.monotonic() - began, flush=True)
            time.sleep(PAUSE)


if __name__ == "__main__":
    main(sys.argv[1])
