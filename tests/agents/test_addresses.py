"""Which addresses are public, and what a declaration opens (SECURITY: requests forged from inside)."""

import ipaddress

import pytest

from leadflow.agents.tools.addresses import Guard, declared, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b:1::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:c0a8:101::1", "2001:0:7f00:1::1",
    ],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    """Loopback, private, link-local, shared, reserved and multicast, also mapped, translated and tunnelled."""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_what_is_public(address: str) -> None:
    """The rest of the internet."""
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "is_open"),
    [
        ("10.0.0.0/8", "db", "10.9.9.9", 80, True),
        ("10.0.0.0/8", "db", "11.9.9.9", 80, True),
        ("10.0.0.0/8", "db", "192.168.0.1", 80, False),
        ("127.0.0.1", "localhost", "127.0.0.1", 9, True),
        ("127.0.0.1:8080", "localhost", "127.0.0.1", 8080, True),
        ("127.0.0.1:8080", "localhost", "127.0.0.1", 6379, False),
        ("[::1]:8080", "localhost", "::1", 8080, True),
        ("Intranet.Example", "intranet.example.", "10.0.0.1", 80, True),
        ("intranet.example", "other.example", "10.0.0.1", 80, False),
        ("intranet.example:81", "intranet.example", "10.0.0.1", 80, False),
        ("127.0.0.1", "mapped", "::ffff:127.0.0.1", 80, False),
    ],
)
def test_what_a_declaration_opens(entry: str, host: str, address: str, port: int, is_open: bool) -> None:
    """A network, an address or a host, at one port or at all; nothing beside it."""
    assert is_open is (Guard((declared(entry),)).refuses(host, address, port) is None)


@pytest.mark.parametrize("entry", ["", "http://x", "a/b", "host:0", "host:70000", "host:x", "a b", "10.0.0.0/99"])
def test_a_declaration_that_says_nothing(entry: str) -> None:
    """What is neither a network nor a host is told."""
    with pytest.raises(ValueError, match=r"port|network"):
        declared(entry)


def test_only_the_named_hosts() -> None:
    """With `hosts`, all others are refused before they are resolved."""
    guard = Guard((), frozenset({"api.example.com"}))
    assert guard.refuses_host("API.example.com.") is None
    assert guard.refuses_host("api.example.com.evil.test") is not None
