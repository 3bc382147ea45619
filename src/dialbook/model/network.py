"""Addresses of the internet, and the networks that they belong to."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network
from typing import TypeAlias

from dialbook.model.errors import Invalid

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

SITE = 64  # bits of an IPv6 address: whoever has one address has all that begin with the same
MAPPED = 96  # bits that go before those of IPv4


def read_address(text: str) -> Address:
    """Read an address; one of IPv4 that is written as one of IPv6 is one of IPv4 (RFC 4291, section 2.5.5.2).

    Raises:
        ValueError: it is none.
    """
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=1024)
def read_networks(text: str) -> Sequence[Network]:
    """Read addresses and networks with commas between them, as in `10.0.0.0/8, ::1`; none out of an empty text.

    One of IPv4 that is written as one of IPv6 is one of IPv4, as in `read_address`.

    Raises:
        Invalid: one of them is neither.
    """
    return tuple(_read_network(part) for part in map(str.strip, text.split(",")) if part)


def site_of(address: Address) -> Address | Network:
    """All addresses of whoever has this one, as far as that is known."""
    return IPv6Network((address, SITE), strict=False) if isinstance(address, IPv6Address) else address


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address belongs to one of these networks."""
    return any(address in network for network in networks)


def _read_network(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Invalid(f"{text!r} is no address and no network, as 192.0.2.7 and 192.0.2.0/24 are.") from None
    if network.network_address != ip_interface(text).ip:
        raise Invalid(f"{text!r} is an address amid a network: write {network}, or the address alone.")
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return IPv4Network((mapped, network.prefixlen - MAPPED)) if mapped else network
