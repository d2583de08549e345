"""What holds for every test: no network but loopback, fixed seeds, one hypothesis profile."""

from __future__ import annotations

import ipaddress
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

CHROMIUM = Path("/usr/bin/chromium")

settings.register_profile(
    "ci", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class NetworkForbidden(AssertionError):
    """A test tried to leave this machine."""


def _is_loopback(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket's path, or netlink
    host = address[0]
    if host in {"", "localhost", None}:
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def no_network_but_loopback() -> Iterator[None]:
    """A test that connects elsewhere, or asks a name server, fails instead of waiting."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    resolve = socket.getaddrinfo

    def guarded(original):
        def call(self, address):
            if not _is_loopback(address):
                raise NetworkForbidden(f"a test tried to connect to {address}")
            return original(self, address)

        return call

    def guarded_resolve(host, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if not _is_loopback((name,)):
            raise NetworkForbidden(f"a test tried to look up {name}")
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_resolve)
        yield


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Chance that a test forgot to seed is the same every time."""
    random.seed(20_261_123)
    np.random.seed(20_261_123)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests say what they lack instead of failing."""
    if CHROMIUM.exists():
        return
    skip = pytest.mark.skip(
        reason=f"needs Chromium at {CHROMIUM}; on Debian: apt-get install chromium fonts-dejavu"
    )
    for item in items:
        if "browser" in item.keywords:
            item.add_marker(skip)
