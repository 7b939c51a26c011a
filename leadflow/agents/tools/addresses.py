"""Which addresses of the network a request may go to. Pure: it looks at numbers and names, and resolves nothing.

Denied unless they are declared: whatever is not the public internet (loopback, private, link-local, shared (CGNAT),
reserved and multicast ranges), and such an address in the clothes of another: mapped into IPv6, behind NAT64, 6to4.
"""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

from leadflow.record import record

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return is_public(inner)
        if address in _LOCAL_NAT64 or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for; None: it is one of its own."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


@record
class Declared:
    """An entry of `private`: a network, or a host, with a port or without."""

    network: Network | None
    host: str
    port: int | None

    def holds(self, host: str, address: Address, port: int) -> bool:
        """Whether a request to that host at that address is what was declared."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return host == self.host


def declared(text: str) -> Declared:
    """Read an entry: `10.0.0.0/8`, `127.0.0.1:8080`, `[::1]:8080`, `intranet.example`, `intranet.example:8080`.

    Raises:
        ValueError: it is none of these.
    """
    host, port = text.strip().lower(), None
    try:
        return Declared(ipaddress.ip_network(host.strip("[]")), "", None)
    except ValueError:
        head, colon, tail = host.rpartition(":")
        if colon:
            if not (tail.isascii() and tail.isdecimal() and 0 < int(tail) < 65536):
                raise ValueError(f"'{text}' has no proper port") from None
            host, port = head, int(tail)
    try:
        return Declared(ipaddress.ip_network(host.strip("[]")), "", port)
    except ValueError:
        if not host or any(char in host for char in "/:@[] ?#\\"):
            raise ValueError(f"'{text}' is no network and no host") from None
        return Declared(None, host.rstrip("."), port)


@record
class Guard:
    """Where requests may go."""

    private: Sequence[Declared] = ()
    """What may be asked although it is not public."""
    hosts: frozenset[str] | None = None
    """The only hosts that may be asked; None: any."""

    def refuses_host(self, host: str) -> str | None:
        """Why a host may not be asked, before it is resolved; None: it may."""
        if self.hosts is not None and host.lower().rstrip(".") not in self.hosts:
            return f"the host '{host}' is not among those that may be asked"
        return None

    def refuses(self, host: str, address: str, port: int) -> str | None:
        """Why a host may not be asked at that address; None: it may."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return f"'{address}' is no address"
        name = host.lower().rstrip(".")
        if is_public(found) or any(entry.holds(name, found, port) for entry in self.private):
            return None
        return f"'{host}' is at {found}, which is no address of the public internet"
