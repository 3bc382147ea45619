"""Where a request comes from, as far as that can be believed."""

from collections.abc import Hashable, Sequence
from ipaddress import IPv4Address

from starlette.requests import Request

from dialbook.model.network import Address, Network, is_in, read_address, read_networks, site_of
from dialbook.server.context import headers_of, service_of

NOWHERE = IPv4Address(0)


def client_address(request: Request) -> Address:
    """The address of whoever sent a request: that of its connection, or what proxies that we trust say instead.

    Returns:
        The address; `NOWHERE` where the connection is gone already.
    """
    peer = request.scope["client"]
    address = read_address(peer[0]) if peer else NOWHERE
    proxies = read_networks(service_of(request).settings.trusted_proxies)
    return origin(address, headers_of(request, b"x-forwarded-for"), proxies) if proxies else address


def site(request: Request) -> Hashable:
    """From where a request comes: all addresses of whoever has the one that it was sent from."""
    return site_of(client_address(request))


def origin(peer: Address, forwarded: Sequence[str], proxies: Sequence[Network]) -> Address:
    """Whom proxies pass a request on for.

    Each adds to `X-Forwarded-For` whom it was asked by. Read from its end, that can be believed up to the first address
    that is none of our proxies; what stands before it is what somebody made up.

    Args:
        peer: whom the connection is from.
        forwarded: the headers.
        proxies: whom we trust.
    """
    hops = ",".join(forwarded).split(",")
    while hops and is_in(peer, proxies):
        try:
            peer = read_address(_without_port(hops.pop().strip()))
        except ValueError:
            break
    return peer


def _without_port(hop: str) -> str:
    """An address that some proxies write with the port that it was asked from, one of IPv6 in brackets then."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
