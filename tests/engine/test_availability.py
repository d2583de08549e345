"""What a chain of three keeps up when its primary, or everything, fails.

Twenty requests a second of virtual time through the real engine, seeded. The bounds are the aims
of the design: availability of 99.9 %, 1.35 calls a request when the primary fails three times in
ten, 1.10 when it is down, and next to none when everything is. That 2,000 requests were all
answered bounds the share of failures at 0.15 % (95 %); 6,000, at 0.05 %.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from statistics import quantiles

import pytest

from orchestra_kit import Orchestra
from orchestra_kit.core.answer import Answer, Call
from orchestra_kit.core.reply import Reply, ReplyStatus
from orchestra_kit.engine.cascade import MOST_ATTEMPTS
from orchestra_kit.providers.profiles import SimulationProfiles
from orchestra_kit.providers.simulated import Simulated
from tests.engine.small import an_orchestra, play

REQUESTS = 2000
A_SECOND = 20


def profiles(shares: dict[str, float]) -> SimulationProfiles:
    """Deployments that answer in about a second and fail as often as said."""
    return SimulationProfiles.model_validate(
        {
            "note": "made for a test",
            "deployments": {
                name: {
                    "first_token": {"p50": "0.3s", "p95": "0.6s"},
                    "tokens_per_second": 200,
                    "failures": {"server": share * 0.8, "overloaded": share * 0.2},
                    "tasks": {
                        "letter": {
                            "quality": 0.9, "spread": 0.02, "difficulty": 0, "output_tokens": 100,
                        },
                    },
                }
                for name, share in shares.items()
            },
        }
    )  # fmt: skip


class Counting:
    """A backend that counts what is sent to it."""

    def __init__(self, backend: Simulated) -> None:
        self._backend = backend
        self.source = backend.source
        self.sent: list[str] = []

    def provider(self, deployment: str) -> _Counted:
        return _Counted(self, self._backend.provider(deployment))

    async def close(self) -> None:
        await self._backend.close()


class _Counted:
    def __init__(self, counting: Counting, provider) -> None:
        self._counting, self._provider = counting, provider

    async def send(self, call: Call) -> Answer:
        self._counting.sent.append(call.deployment)
        return await self._provider.send(call)


@dataclass
class Played:
    """What came of the traffic."""

    replies: list[Reply]
    sent: list[str]

    @property
    def availability(self) -> float:
        return sum(reply.answered for reply in self.replies) / len(self.replies)

    @property
    def calls_a_request(self) -> float:
        return len(self.sent) / len(self.replies)

    @property
    def p95(self) -> float:
        """Seconds."""
        return quantiles([reply.seconds for reply in self.replies], n=20)[-1]


async def traffic(orchestra: Orchestra, requests: int) -> list[Reply]:
    async with asyncio.TaskGroup() as group:
        tasks = []
        for _ in range(requests):
            request = orchestra.request("Write a letter", tier="basic", task="letter")
            tasks.append(group.create_task(orchestra.handle(request)))
            await orchestra.clock.sleep(1 / A_SECOND)
    return [task.result() for task in tasks]


def played(small, requests=REQUESTS, **shares: float) -> Played:
    counting: list[Counting] = []

    def backend(clock):
        found = profiles({"second": 0.02, "third": 0.02, "voice": 0.02, **shares})
        counting.append(Counting(Simulated(found, clock=clock, seed=11)))
        return counting[0]

    with an_orchestra(small, backend) as orchestra:
        return Played(play(orchestra, traffic(orchestra, requests)), counting[0].sent)


@pytest.fixture(scope="module")
def healthy(small):
    return played(small, first=0.0, requests=400)


@pytest.mark.parametrize(
    ("share", "requests", "availability", "calls", "slower"),
    [
        (0.05, REQUESTS, 0.9995, 1.10, 1.2),
        (0.30, 3 * REQUESTS, 0.999, 1.35, 1.5),
        (1.00, REQUESTS, 0.999, 1.10, 1.3),
    ],
)
def test_a_failing_primary_costs_neither_availability_nor_many_calls(
    small, healthy, share, requests, availability, calls, slower
):
    found = played(small, requests, first=share)
    assert found.availability >= availability
    assert found.calls_a_request <= calls
    assert found.p95 <= slower * healthy.p95


def test_when_everything_is_down_next_to_nothing_is_sent_and_everybody_is_told_at_once(small):
    found = played(small, first=1.0, second=1.0, third=1.0)
    assert found.availability == 0
    assert found.calls_a_request <= 0.10
    assert {reply.status for reply in found.replies} == {ReplyStatus.QUEUED}
    unsent = [reply for reply in found.replies if not reply.attempts]
    assert len(unsent) > 0.9 * REQUESTS
    assert max(reply.seconds for reply in unsent) == 0.0
    assert max(len(reply.attempts) for reply in found.replies) <= MOST_ATTEMPTS


def test_a_healthy_primary_answers_everything_itself(healthy):
    assert healthy.availability == 1.0
    assert healthy.calls_a_request == 1.0
