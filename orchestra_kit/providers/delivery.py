"""An answer that is known beforehand, handed over in its time: whole, or word by word.

What simulates and what replays share this path, so that a stream ends in the very answer that a
plain send of the same call gives, and a scripted fault strikes both at the same moment.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

from orchestra_kit.core.answer import Answer, Piece, Usage, UsageStatus
from orchestra_kit.core.clock import Clock
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, ProviderError
from orchestra_kit.providers.faults import STREAM_KINDS, Fault
from orchestra_kit.providers.scripted import FOREVER, REACTION, slowed, strike, unreadable

__all__ = ["Delivery"]

_HALF = 0.5
_WORD = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An answer, the time it takes, and the fault that befalls it."""

    answer: Answer
    seconds: float
    """To the whole answer, without a fault."""
    fault: Fault | None = None
    reaction: float = REACTION
    """Seconds until the deployment says that it cannot."""

    async def whole(self, clock: Clock) -> Answer:
        """The answer, after its time; raises ProviderError as the fault does."""
        if self.fault is None:
            await clock.sleep(self.seconds)
            return self.answer
        await strike(self.fault, clock, reaction=self.reaction)
        if self._breaks:
            first, pause, coming = self._course()
            await clock.sleep(first + pause * len(coming))
            raise await self._broken(clock, streamed=False)
        await clock.sleep(slowed(self.fault, self.seconds))
        if self._unreadable:
            raise unreadable(self.answer.usage)
        return self.answer

    async def stream(self, clock: Clock) -> AsyncGenerator[Piece, None]:
        """The answer's words, from its first token on spread over its time; then the answer."""
        if self.fault is not None:
            await strike(self.fault, clock, reaction=self.reaction)
        yield Piece(taken=True)
        if self._unreadable:
            await clock.sleep(self.seconds)
            raise unreadable(self.answer.usage)
        first, pause, coming = self._course()
        await clock.sleep(first)
        for word in coming:
            yield Piece(text=word)
            await clock.sleep(pause)
        if self._breaks:
            raise await self._broken(clock, streamed=True)
        yield Piece(answer=self.answer)

    def _course(self) -> tuple[float, float, list[str]]:
        """Seconds to the first word and after each, and the words that come.

        Evenly spread where no first token is known; a picture comes in one piece, at its end.
        """
        seconds = slowed(self.fault, self.seconds)
        known, text = self.answer.first_token_seconds, self.answer.text
        if not self.answer.media_type.startswith("text/"):
            words, first = [text], seconds
        else:
            words = _WORD.findall(text) or [text]
            first = seconds / (len(words) + 1) if known is None else min(known, seconds)
        coming = words[: round(len(words) * self._share)] if self._breaks else words
        return first, (seconds - first) / len(words), coming

    @property
    def _breaks(self) -> bool:
        return self.fault is not None and self.fault.kind in STREAM_KINDS

    @property
    def _unreadable(self) -> bool:
        return self.fault is not None and self.fault.kind == "malformed"

    @property
    def _share(self) -> float:
        after = self.fault.after if self.fault is not None else None
        return _HALF if after is None else after

    async def _broken(self, clock: Clock, *, streamed: bool) -> ProviderError:
        """What the caller sees of a stream's fault, once the stream has come so far."""
        assert self.fault is not None
        usage = _so_far(self.answer.usage, self._share) if streamed and self._share > 0 else None
        if self.fault.kind == "stream_cut":
            return _unknown(FailureClass.STREAM_CUT, "the connection broke", usage)
        if self.fault.kind == "stream_stall":
            await clock.sleep(FOREVER)
            return _unknown(FailureClass.TIMEOUT, "no more of the answer was seen", usage)
        if streamed:
            return _unknown(FailureClass.STREAM_GARBLED, "the stream cannot be read", usage)
        return unreadable(self.answer.usage)


def _so_far(usage: Usage, share: float) -> Usage | None:
    """What was consumed until the stream broke: the prompt, and a share of what was made."""
    if usage.status is UsageStatus.UNKNOWN:
        return None
    reported = usage.status is UsageStatus.REPORTED
    return replace(
        usage,
        output_tokens=round(usage.output_tokens * share),
        reasoning_tokens=round(usage.reasoning_tokens * share),
        status=UsageStatus.PARTIAL if reported else usage.status,
    )


def _unknown(failure: FailureClass, message: str, usage: Usage | None) -> ProviderError:
    return ProviderError(message, failure=failure, outcome=AttemptOutcome.UNKNOWN, usage=usage)
