"""What the HTTP library takes from its surroundings: a proxy, and who is trusted."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import getproxies

import httpx2

CERTIFICATES = "SSL_CERT_FILE"

_TROUBLE = (httpx2.InvalidURL, ImportError, OSError, ValueError)


@contextmanager
def trouble_by_name() -> Iterator[None]:
    """Say which variable of the environment keeps the HTTP library from starting, where one does.

    What it says itself does not name the variable, and may show a part of the proxy's password.

    Raises:
        ValueError: a variable does.
    """
    try:
        yield
    except _TROUBLE:
        fault = _fault_of_proxies() or _fault_of_certificates()
        if fault is None:
            raise
        raise ValueError(fault) from None


def _fault_of_proxies() -> str | None:
    names = {name.lower(): name for name in sorted(os.environ)}  # where there are both, the lower case counts
    proxies = getproxies()
    for scheme in ("http", "https", "all"):
        if url := proxies.get(scheme):
            name = names.get(f"{scheme}_proxy", f"The system's proxy for {scheme}")
            if fault := _fault_of(url if "://" in url else f"http://{url}"):
                return f"{name} {fault}"
    return None


def _fault_of(proxy: str) -> str | None:
    try:
        httpx2.HTTPTransport(proxy=httpx2.Proxy(proxy), trust_env=False).close()
    except ImportError:
        return "names a SOCKS proxy, which needs another package: pip install 'httpx2[socks]'."
    except _TROUBLE:
        return "is no URL of a proxy, http://<host>:<port>; escape what is special in its user and password."
    return None


def _fault_of_certificates() -> str | None:
    return f"{CERTIFICATES} names no file with certificates in PEM." if os.environ.get(CERTIFICATES) else None
