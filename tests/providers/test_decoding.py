"""Bodies out of their compression: the same however they are cut, and never beyond the bound."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.providers.decoding import bounded, decoded

PACK = {"": bytes, "identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}


def unpacked(chunks: Iterable[bytes], encoding: str, largest: int = 10_000) -> list[bytes]:
    async def coming() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def read() -> list[bytes]:
        return [piece async for piece in bounded(decoded(coming(), encoding), largest)]

    return asyncio.run(read())


@given(st.binary(max_size=400), st.sampled_from(list(PACK)), st.integers(1, 50))
def test_a_body_is_the_same_however_it_is_cut(body, encoding, size):
    packed = PACK[encoding](body)
    cut = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert b"".join(unpacked(cut, encoding)) == body


@pytest.mark.parametrize("encoding", PACK)
def test_the_bound_is_exact(encoding):
    assert sum(map(len, unpacked([PACK[encoding](b"x" * 500)], encoding, 500))) == 500
    with pytest.raises(ProviderError, match="larger") as caught:
        unpacked([PACK[encoding](b"x" * 501)], encoding, 500)
    assert caught.value.failure is FailureClass.MALFORMED
    assert caught.value.outcome is AttemptOutcome.ANSWERED


def test_what_unfolds_is_handed_on_in_small_pieces():
    pieces = unpacked([gzip.compress(b" " * 5_000_000)], "gzip", 6_000_000)
    assert max(map(len, pieces)) <= 64 * 1024


@given(st.binary(min_size=1, max_size=60), st.sampled_from(["gzip", "deflate", "br", "gzip, br"]))
def test_garbage_raises_nothing_but_a_provider_error(body, encoding):
    try:
        found: object = unpacked([body], encoding)
    except ProviderError as error:
        found = error.failure
    assert isinstance(found, list) or found is FailureClass.MALFORMED
