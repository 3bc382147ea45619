"""Where a request comes from: what proxies that we trust say is believed, and nothing that anybody else makes up."""

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from dialbook.model.network import is_in, read_address, read_networks
from dialbook.server.address import origin

PROXIES = read_networks("10.0.0.0/8, 192.0.2.7, 2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["made up, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 192.0.2.7 ,10.1.1.1"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "192.0.2.7"], "203.0.113.9"),
        ("10.0.0.1", ["192.0.2.7, 10.1.1.1"], "192.0.2.7"),
        ("10.0.0.1", ["203.0.113.9:4711, 192.0.2.7:80"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db9::1]:4711"], "2001:db9::1"),
        ("10.0.0.1", ["[2001:db9::1]"], "2001:db9::1"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, unknown, 10.1.1.1"], "10.1.1.1"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("2001:db8::1", ["2001:db9::1"], "2001:db9::1"),
        ("2001:db9::1", ["203.0.113.9"], "2001:db9::1"),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_counts(peer: str, forwarded: list[str], expected: str) -> None:
    assert origin(read_address(peer), forwarded, PROXIES) == read_address(expected)


@given(st.text(), st.ip_addresses().map(str))
def test_what_a_caller_says_of_itself_changes_nothing(made_up: str, caller: str) -> None:
    """The proxy puts the caller's address behind whatever the caller has sent."""
    assume(not is_in(read_address(caller), PROXIES))

    assert origin(read_address("10.0.0.1"), [made_up, caller], PROXIES) == read_address(caller)
