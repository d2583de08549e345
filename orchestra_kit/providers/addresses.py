"""Which addresses a deployment may use: none that would carry a key or a prompt where it must not.

A base URL is checked when the policy is opened, and every address that its name resolves to is
checked again at each connection, where the check and the connection use the same answer: a name
that changes its mind in between gains nothing. The refused ranges are those of pydantic-ai's
``_ssrf.py`` and of the IANA registries of special addresses.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from orchestra_kit.core.errors import UnsafeAddress

__all__ = ["CheckedResolver", "check_address", "check_url"]

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
)
_NEVER = tuple(
    ipaddress.ip_network(block)
    for block in (
        "169.254.0.0/16",  # link-local, where clouds keep instance credentials
        "fe80::/10",
        "fd00:ec2::/32",  # the same service of AWS over IPv6
        "100.100.100.200/32",  # Alibaba Cloud's
        "192.0.0.192/32",  # Oracle Cloud's
        "0.0.0.0/8",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}\.?", re.IGNORECASE)


def check_url(url: str, *, allow_local: bool) -> SplitResult:
    """The parts of a base URL that may be used; raises UnsafeAddress, saying what is wrong.

    Plain http is for this machine alone. Loopback and private addresses need `allow_local`;
    metadata services are refused even then.
    """
    try:
        parts = urlsplit(url)
        host, _port = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        raise UnsafeAddress("the address is not a URL.", hint="Write https://host/path.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise UnsafeAddress("the address must begin with https://.", hint="Write it in full.")
    if parts.username is not None or parts.password is not None:
        raise UnsafeAddress("the address holds a name or password.", hint="Use `key:` instead.")
    if parts.query or parts.fragment:
        raise UnsafeAddress("the address holds a query.", hint="End it with its path.")
    if host in _METADATA_NAMES:
        raise UnsafeAddress(f"{host} is a cloud's metadata service.", hint="Name a model server.")
    address = _literal(host)
    if address is not None:
        check_address(address, allow_local=allow_local)
    if host == "localhost" and not allow_local:
        raise UnsafeAddress("localhost is a local address.", hint="Set allow_local: true.")
    if parts.scheme == "http" and not (host == "localhost" or (address and address.is_loopback)):
        raise UnsafeAddress(
            "plain http would show the key and the prompt to the network.", hint="Use https."
        )
    return parts


def check_address(address: str | _Address, *, allow_local: bool) -> None:
    """Raises UnsafeAddress for an address that may not be connected to."""
    found = _unwrapped(ipaddress.ip_address(str(address).split("%")[0]))
    if any(found in block for block in _NEVER):
        raise UnsafeAddress(
            f"{found} is link-local, where clouds keep credentials.", hint="Name a model server."
        )
    if found.is_multicast or found.is_unspecified:
        raise UnsafeAddress(f"{found} is no server's address.", hint="Name a model server.")
    if not found.is_global and not allow_local:
        raise UnsafeAddress(f"{found} is a local address.", hint="Set allow_local: true.")


class CheckedResolver(AbstractResolver):
    """Resolves names for connections and refuses a name any of whose addresses is refused."""

    def __init__(self, *, allow_local: bool) -> None:
        self._allow_local = allow_local
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a name, all of them checked."""
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            check_address(result["host"], allow_local=self._allow_local)
        return found

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()


def _literal(host: str) -> _Address | None:
    """The address that a host spells out; odd spellings such as ``0x7f.1`` are refused."""
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        if _NUMERIC.fullmatch(host):
            raise UnsafeAddress(
                f"{host} spells an address in an unusual way.", hint="Write it as 127.0.0.1."
            ) from None
        return None


def _unwrapped(address: _Address) -> _Address:
    """The IPv4 address inside a mapped, 6to4 or NAT64 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
