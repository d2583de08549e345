"""A body taken out of its compression piece by piece, and never further than a bound."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError

__all__ = ["ENCODING", "bounded", "decoded"]

ENCODING = "gzip"
"""The compression that requests ask for."""

_STEP = 64 * 1024
"""Bytes that one piece has at most: what a bomb unfolds to is held a piece at a time."""


async def decoded(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The body in decoded pieces; raises ProviderError where it is not what its `encoding` says."""
    unfold = _unfolding(encoding)
    async for chunk in chunks:
        for piece in unfold(chunk):
            yield piece


async def bounded(chunks: AsyncIterator[bytes], largest: int) -> AsyncIterator[bytes]:
    """The same pieces; raises ProviderError once they are more than `largest` bytes."""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > largest:
            raise _malformed(f"the body is larger than {largest / 1e6:g} MB")
        yield chunk


class _Plain:
    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        if chunk:
            yield chunk


class _Packed:
    def __init__(self, window: int) -> None:
        self._decoder = zlib.decompressobj(wbits=window)

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            try:
                piece = self._decoder.decompress(chunk, _STEP)
            except zlib.error:
                raise _malformed("the body is not packed as it claims to be") from None
            chunk = self._decoder.unconsumed_tail
            if piece:
                yield piece


def _unfolding(encoding: str) -> _Plain | _Packed:
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Packed(16 + zlib.MAX_WBITS)
        case "deflate":
            return _Packed(zlib.MAX_WBITS)
    raise _malformed("the body is compressed in a way that was not asked for")


def _malformed(message: str) -> ProviderError:
    return ProviderError(message, failure=FailureClass.MALFORMED, outcome=AttemptOutcome.ANSWERED)
