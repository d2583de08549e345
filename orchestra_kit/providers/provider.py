"""What the engine asks of anything that answers: the one seam between us and models."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from orchestra_kit.core.answer import Answer, Call, Piece, Source

__all__ = ["Backend", "Provider", "StreamingProvider"]


@runtime_checkable
class Provider(Protocol):
    """Sends one call to one deployment."""

    async def send(self, call: Call) -> Answer:
        """The answer; raises ProviderError, which says what became of the attempt.

        Never retries and never waits for a limit: that is the engine's work. The engine bounds
        the time from outside, so that a cancelled send must free what it holds.
        """
        ...


@runtime_checkable
class StreamingProvider(Provider, Protocol):
    """A provider that also hands an answer over as it comes."""

    def stream(self, call: Call) -> AsyncGenerator[Piece, None]:
        """Pieces as they come; the last one, and only that, carries the whole answer.

        The texts of the pieces, joined, are the answer's text. Raises ProviderError, also midway,
        with the `usage` that was seen until then. A stream that ends without the event that its
        protocol ends with raises STREAM_CUT with an unknown outcome: it never succeeds. Closing
        the generator (`contextlib.aclosing`) frees the connection at once.
        """
        ...


class Backend(Protocol):
    """A provider for every deployment of a policy, all of one source."""

    @property
    def source(self) -> Source:
        """What figures that come from here are labelled with."""
        ...

    def provider(self, deployment: str) -> Provider:
        """The provider that serves a deployment; raises ConfigError where there is none."""
        ...

    async def close(self) -> None:
        """Free connections; the backend may not be used afterwards."""
        ...
