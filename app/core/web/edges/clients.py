"""Who is asking: the address that limits count by."""

import ipaddress

from starlette.types import Scope

from app.core.settings import Network

UNKNOWN = "unknown"


def client_network(scope: Scope) -> str:
    """The client's IPv4 address, or its IPv6 /64, which is what one household or phone is given.

    Proxies were taken off before, see ``install``.
    """
    client = scope.get("client")
    return network_of(client[0] if client else "")


def network_of(text: str, ipv6_bits: int = 64) -> str:
    """The same for an address; ``ipv6_bits``: how much of an IPv6 address counts as one client."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), ipv6_bits), strict=False))


def is_within(client: str, networks: list[Network]) -> bool:
    """Whether a client is in one of these networks."""
    if client == UNKNOWN:
        return False
    network = ipaddress.ip_network(client)
    return any(network.version == other.version and network.overlaps(other) for other in networks)
