"""Reading an answer that comes in pieces, without waiting for ever at any point of it.

Limits hold to the server's taking the call, to the first sign of an answer, from one sign to the
next, and to the end. A stream has succeeded when its last piece brought the whole answer, and never
before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from orchestra_kit.core.answer import Answer, Piece
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.policy.schema import Streaming

__all__ = ["Patience", "read_pieces"]


class Patience:
    """How long each part of one stream may take, in seconds."""

    def __init__(self, limits: Streaming, *, timeout: float, left: float) -> None:
        self.first = min(limits.first_token, timeout, left)
        self.headers = self.first if limits.headers is None else min(limits.headers, self.first)
        self.between = limits.between_tokens
        self.left = left
        """To the end of the answer; a link's own timeout is for its beginning only."""


async def read_pieces(
    pieces: AsyncGenerator[Piece, None],
    patience: Patience,
    *,
    clock: Clock,
    show: Callable[[str], None],
) -> Answer:
    """The whole answer, its words passed to `show` as they come.

    Raises ProviderError as the stream does; STREAM_CUT where it ends without its answer or falls
    silent after words were seen, TIMEOUT where it never began. What was sent may have been billed
    in each of these cases, so that the outcome is `unknown`.
    """
    begun = clock.monotonic()
    limit, seen = patience.headers, False
    async with aclosing(pieces) as stream:
        while True:
            left = patience.left - (clock.monotonic() - begun)
            try:
                async with clock.timeout(max(0.0, min(limit, left))):
                    piece = await anext(stream, None)
            except TimeoutError:
                passed = clock.monotonic() - begun
                raise _silent(seen, min(limit, left) if seen else passed) from None
            if piece is None:
                raise _cut("the stream ended before the answer was whole")
            if piece.answer is not None:
                return piece.answer
            if piece.taken:
                if not seen:
                    limit = patience.first - (clock.monotonic() - begun)
                continue
            limit, seen = patience.between, True
            show(piece.text)


def _silent(seen: bool, seconds: float) -> ProviderError:
    if seen:
        return _cut(f"the stream was silent for {seconds:.3g} s")
    return ProviderError(
        f"nothing came within {seconds:.3g} s",
        failure=FailureClass.TIMEOUT,
        outcome=AttemptOutcome.UNKNOWN,
    )


def _cut(message: str) -> ProviderError:
    return ProviderError(message, failure=FailureClass.STREAM_CUT, outcome=AttemptOutcome.UNKNOWN)
