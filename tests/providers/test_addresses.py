"""Which addresses a deployment may use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import UnsafeAddress
from orchestra_kit.providers.addresses import CheckedResolver, check_address, check_url


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "https://8.8.8.8/v1", "https://api.example:8443/"]
)
def test_a_public_https_address_may_be_used(url):
    assert check_url(url, allow_local=False).scheme == "https"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081/v1", "http://localhost:11434/v1", "http://[::1]:80/v1",
            "https://10.0.0.5/v1", "https://192.168.1.2/v1", "https://[fd12::1]/v1"],
)  # fmt: skip
def test_a_local_address_needs_leave(url):
    with pytest.raises(UnsafeAddress, match="allow_local"):
        check_url(url, allow_local=False)
    assert check_url(url, allow_local=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:a9fe:a9fe::1]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://100.100.100.200/",
        "https://metadata.google.internal/",
        "https://METADATA.google.internal./",
        "https://0.0.0.0/",
        "https://[::]/",
        "https://224.0.0.1/",
    ],
)
def test_a_metadata_service_is_refused_even_with_leave(url):
    with pytest.raises(UnsafeAddress):
        check_url(url, allow_local=True)


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/"]
)
def test_an_address_in_an_unusual_spelling_is_refused(url):
    with pytest.raises(UnsafeAddress):
        check_url(url, allow_local=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.example/v1", "plain http"),
        ("http://10.0.0.5/v1", "plain http"),
        ("ftp://api.example/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("api.example/v1", "https://"),
        ("", "https://"),
        ("https://", "https://"),
        ("https://user:word@api.example/", "password"),
        ("https://api.example/v1?key=1", "query"),
        ("https://api.example:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
    ],
)
def test_other_faults_are_told(url, why):
    with pytest.raises(UnsafeAddress, match=why):
        check_url(url, allow_local=True)


@given(st.ip_addresses(v=4))
def test_an_address_is_treated_alike_however_it_is_wrapped(address):
    def verdict(spelling: str) -> bool:
        try:
            check_address(spelling, allow_local=False)
        except UnsafeAddress:
            return False
        return True

    assert verdict(str(address)) == verdict(f"::ffff:{address}")


async def test_a_name_is_refused_for_any_of_its_addresses(monkeypatch):
    resolver = CheckedResolver(allow_local=False)

    async def resolve(host, port, family):
        return [{"host": "93.184.216.34"}, {"host": "10.0.0.1"}]

    monkeypatch.setattr(resolver._resolver, "resolve", resolve)
    with pytest.raises(UnsafeAddress, match=r"10\.0\.0\.1"):
        await resolver.resolve("rebinding.example")


async def test_a_name_with_public_addresses_resolves(monkeypatch):
    resolver = CheckedResolver(allow_local=False)

    async def resolve(host, port, family):
        return [{"host": "93.184.216.34"}]

    monkeypatch.setattr(resolver._resolver, "resolve", resolve)
    assert await resolver.resolve("public.example")
