"""What users of routers and gateways complain about, as promises: each is held against a real
HTTP server that counts what reaches it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from orchestra_kit import Orchestra, Policy
from orchestra_kit.core.errors import AttemptOutcome, FailureClass, IncompleteAnswer
from orchestra_kit.core.reply import ReplyStatus
from orchestra_kit.resilience.breaker import BreakerState
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.shipped import path
from tests.engine.small import Kept
from tests.faults.nemesis import write_policy
from tests.loopback.faults import fault
from tests.loopback.server import LoopbackServer, completion, refusal

QUOTA = refusal(429, code="insufficient_quota", kind="insufficient_quota")
RATE = refusal(429, code="rate_limit_exceeded")
WRONG_KEY = refusal(401, code="invalid_api_key")
BROKEN = refusal(500)
BAD_REQUEST = refusal(400, kind="invalid_request_error", message="unsupported value")
TOO_LONG = refusal(400, code="context_length_exceeded")


class Bench:
    """An engine over three deployments, each of which reacts as it is told by its model's name."""

    def __init__(self, orchestra, server, kept):
        self.orchestra, self.server, self.kept = orchestra, server, kept

    async def ask(self, text="Write", **options):
        return await self.orchestra.run(text, **{"tier": "basic", "task": "letter", **options})

    async def read(self):
        words = []
        async with self.orchestra.stream("Write", tier="basic", task="letter") as stream:
            try:
                async for word in stream:
                    words.append(word)  # noqa: PERF401 - what came before it broke counts
            except IncompleteAnswer as broken:
                return words, broken.reply
        return words, stream.reply

    @property
    def asked(self) -> Counter[str]:
        """Requests that reached the server, by model."""
        return Counter(received.json["model"] for received in self.server.requests)

    def state(self, deployment):
        breaker = self.orchestra.health.breakers[deployment]
        return breaker.state(self.orchestra.clock.monotonic())


@contextmanager
def a_bench(folder, changes=lambda text: text, **reactions):
    """`reactions` by deployment: one for ever, or a list of which the last is for ever."""
    scripts = {name: list(r) if isinstance(r, list) else [r] for name, r in reactions.items()}

    def react(received):
        script = scripts.get(received.json["model"].removesuffix("-1"), [fault("ok")])
        found = script.pop(0) if len(script) > 1 else script[0]
        return found(received) if callable(found) else found

    with LoopbackServer(react).on_thread() as server:
        write_policy(folder, server.url)
        file = folder / "orchestra.yaml"
        file.write_text(changes(file.read_text()))
        kept = Kept()
        orchestra = Orchestra(
            Policy.load(folder),
            backend="live",
            seed=7,
            store=kept,
            classifier=Classifier.load(path("examples/contentforge/classifier.json")),
        )
        yield Bench(orchestra, server, kept)


async def test_a_spent_quota_is_asked_exactly_once(tmp_path):
    with a_bench(tmp_path, first=QUOTA) as bench:
        for _ in range(3):
            assert (await bench.ask()).answered
        assert bench.asked["first-1"] == 1
        assert bench.state("first") is BreakerState.ISOLATED


async def test_retries_are_counted_in_one_place_only(tmp_path):
    with a_bench(tmp_path, first=BROKEN, second=BROKEN, third=BROKEN) as bench:
        reply = await bench.ask()
        assert len(bench.server.requests) == len(reply.attempts) == 6
        assert bench.asked["first-1"] == 3


async def test_bad_keys_all_along_the_chain_end_it_after_one_call_each(tmp_path):
    with a_bench(tmp_path, first=WRONG_KEY, second=WRONG_KEY, third=WRONG_KEY) as bench:
        reply = await bench.ask()
        assert bench.asked == {"first-1": 1, "second-1": 1, "third-1": 1}
        assert [a.failure for a in reply.attempts] == [FailureClass.AUTH] * 3
        assert reply.status is ReplyStatus.QUEUED
        await bench.ask()
        assert sum(bench.asked.values()) == 3


async def test_a_rate_limit_costs_no_wait_where_another_can_answer(tmp_path):
    with a_bench(tmp_path, first=refusal(429, code="rate_limit_exceeded", retry_after="30")) as b:
        reply = await b.ask()
        assert reply.deployment == "second"
        assert reply.seconds < 0.5
        assert b.state("first") is BreakerState.CLOSED


async def test_a_retry_after_of_zero_is_zero_and_not_unset(tmp_path):
    def only_one(text):
        return text.replace("      - {use: second, timeout: 1s}\n", "").replace(
            "      - {use: third, timeout: 1s}\n", ""
        )

    again = [refusal(429, code="rate_limit_exceeded", retry_after="0"), fault("ok")]
    with a_bench(tmp_path, only_one, first=again) as bench:
        reply = await bench.ask()
        assert reply.answered
        assert bench.asked["first-1"] == 2


async def test_an_hours_wait_is_left_to_others_and_never_slept(tmp_path):
    slow = {
        name: refusal(429, code="rate_limit_exceeded", retry_after="3600")
        for name in ("first", "second", "third")
    }
    with a_bench(tmp_path, **slow) as bench:
        reply = await bench.ask()
        assert reply.status is ReplyStatus.QUEUED
        assert reply.seconds < 1.0
        assert sum(bench.asked.values()) == 3


@pytest.mark.parametrize("refused", [BAD_REQUEST, TOO_LONG], ids=["bad request", "too long"])
async def test_what_the_request_caused_says_nothing_of_anybodys_health(tmp_path, refused):
    with a_bench(tmp_path, first=refused) as bench:
        for _ in range(12):
            await bench.ask()
        assert bench.state("first") is BreakerState.CLOSED
        assert bench.asked["first-1"] == 12


async def test_a_wrong_request_is_not_shopped_around(tmp_path):
    with a_bench(tmp_path, first=BAD_REQUEST) as bench:
        reply = await bench.ask()
        assert bench.asked == {"first-1": 1}
        assert reply.status is ReplyStatus.UNAVAILABLE
        assert "400" not in reply.text


def without_temperature(received):
    if "temperature" in received.json:
        return refusal(
            400,
            code="unsupported_value",
            message="Unsupported value: 'temperature' does not support 0.2 with this model.",
        )
    return fault("ok")(received)


async def test_a_parameter_that_a_model_does_not_take_is_left_out_and_named(tmp_path):
    with a_bench(tmp_path, first=without_temperature) as bench:
        replies = [await bench.ask(parameters={"temperature": 0.2, "seed": 1}) for _ in range(3)]
        assert [reply.deployment for reply in replies] == ["first"] * 3
        assert bench.asked == {"first-1": 4}  # found out once, left out from then on
        assert [r.attempts[-1].dropped_parameters for r in replies] == [("temperature",)] * 3
        assert [r.json.get("seed") for r in bench.server.requests] == [1] * 4
        (notice,) = bench.kept.notices
        assert "`rejects` of model first-1" in notice.message


async def test_a_parameter_that_is_required_is_never_left_out(tmp_path):
    with a_bench(tmp_path, first=without_temperature) as bench:
        reply = await bench.ask(parameters={"temperature": 0.2}, requires=["temperature"])
        assert bench.asked == {"first-1": 1}
        assert reply.status is ReplyStatus.UNAVAILABLE


async def test_a_model_that_rejects_everything_is_asked_twice_at_most(tmp_path):
    def rejecting(received):
        name = next((n for n in ("temperature", "top_p") if n in received.json), "")
        return refusal(400, message=f"'{name}' is not supported with this model.")

    with a_bench(tmp_path, first=rejecting) as bench:
        await bench.ask(parameters={"temperature": 0.2, "top_p": 0.9})
        assert bench.asked == {"first-1": 2}


async def test_too_long_for_one_goes_to_the_next_and_is_never_repeated(tmp_path):
    with a_bench(tmp_path, first=TOO_LONG, second=TOO_LONG) as bench:
        reply = await bench.ask()
        assert reply.deployment == "third"
        assert bench.asked == {"first-1": 1, "second-1": 1, "third-1": 1}


async def test_a_200_that_is_no_answer_is_no_success(tmp_path):
    for name in ("html", "empty", "bad_json", "truncated_json", "null"):
        folder = tmp_path / name
        folder.mkdir()
        with a_bench(folder, first=fault(name)) as bench:
            reply = await bench.ask()
            assert reply.deployment == "second", name
            assert reply.attempts[0].cost is None or reply.attempts[0].cost > 0, name


@pytest.mark.parametrize("name", ["reset_after_headers", "cut", "hang_up", "stall", "black_hole"])
async def test_an_answer_that_was_not_seen_is_not_asked_for_again(tmp_path, name):
    with a_bench(tmp_path, first=fault(name)) as bench:
        reply = await bench.ask()
        assert reply.deployment == "second"
        assert bench.asked["first-1"] == 1
        first = reply.attempts[0]
        assert first.outcome is AttemptOutcome.UNKNOWN
        assert first.cost is None
        assert first.cost_upper > 0


@pytest.mark.parametrize("name", ["cut:1", "hang_up:1", "stall:1", "black_hole", "status:500"])
async def test_a_stream_that_fails_before_its_first_word_falls_back(tmp_path, name):
    with a_bench(tmp_path, first=fault(name)) as bench:
        words, reply = await bench.read()
        assert reply.answered
        assert reply.deployment == "second"
        assert "".join(words) == reply.text


@pytest.mark.parametrize("name", ["cut:3", "hang_up:3", "stall:3", "no_end", "error_event:3"])
async def test_a_stream_that_fails_after_it_is_an_error_and_nobody_elses_words(tmp_path, name):
    with a_bench(tmp_path, first=fault(name)) as bench:
        words, reply = await bench.read()
        assert words
        assert reply.status is ReplyStatus.INCOMPLETE
        assert reply.text == "".join(words)
        assert bench.asked == {"first-1": 1}


async def test_streams_that_break_open_the_breaker_as_well(tmp_path):
    with a_bench(tmp_path, first=fault("cut:1")) as bench:
        for _ in range(6):
            await bench.read()
        assert bench.state("first") is BreakerState.OPEN
        assert bench.asked["first-1"] == 5


async def test_an_overload_told_within_a_stream_is_an_overload(tmp_path):
    with a_bench(tmp_path, first=fault("error_event:0")) as bench:
        _, reply = await bench.read()
        assert reply.attempts[0].failure is FailureClass.OVERLOADED
        assert reply.answered


async def test_a_stream_that_is_left_is_ended_and_booked_at_its_worst(tmp_path):
    with a_bench(tmp_path, first=fault("slice:200,0.2")) as bench:
        async with bench.orchestra.stream("Write", tier="basic", task="letter") as words:
            async for _ in words:
                break
        (attempt,) = bench.kept.finished
        assert attempt.failure is FailureClass.CANCELLED
        assert attempt.cost is None
        assert attempt.cost_upper > 0
        for _ in range(50):
            if not bench.server.open:
                break
            await asyncio.sleep(0.02)
        assert bench.server.open == 0


async def test_no_answer_goes_to_somebody_else(tmp_path):
    def echo(received):
        prompt = received.json["messages"][-1]["content"]
        return completion(f"to {prompt}")

    def patient(text):
        return text.replace("timeout: 1s", "timeout: 20s").replace("deadline: 6s", "deadline: 20s")

    with a_bench(tmp_path, patient, first=echo) as bench:
        replies = await asyncio.gather(*(bench.ask(f"request {n}") for n in range(200)))
        assert [reply.text for reply in replies] == [f"to request {n}" for n in range(200)]


async def test_what_is_kept_of_a_failed_request_is_small(tmp_path):
    long = refusal(500, message="x" * 1_000_000)
    with a_bench(tmp_path, first=long, second=long, third=long) as bench:
        await bench.ask()
        written = json.dumps(
            [attempt.to_dict() for attempt in bench.kept.finished]
            + [notice.to_dict() for notice in bench.kept.notices]
        )
        assert len(written) < 32_000


async def test_every_way_through_a_failing_chain_leaves_the_books_balanced(tmp_path):
    faults = ["status:500", "status:429,1", "cut", "empty", "reset", "black_hole", "html", "ok"]
    for number, name in enumerate(faults):
        folder = tmp_path / str(number)
        folder.mkdir()
        with a_bench(folder, first=fault(name), second=fault(name), third=fault(name)) as bench:
            await bench.ask()
            assert bench.orchestra.budgets.outstanding == 0
            assert len(bench.kept.begun) == sum(
                a.failure not in {FailureClass.CIRCUIT, FailureClass.LIMIT}
                for a in bench.kept.finished
            )


async def test_a_provider_that_says_not_to_try_again_is_taken_at_its_word(tmp_path):
    with a_bench(tmp_path, first=refusal(500, x_should_retry="false")) as bench:
        reply = await bench.ask()
        assert reply.deployment == "second"
        assert bench.asked["first-1"] == 1


async def test_limits_told_in_headers_are_kept_to_before_they_are_met(tmp_path):
    def little_left(received):
        told = fault("ok")(received)
        limits = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "1"}
        return replace(told, headers={**told.headers, **limits})

    with a_bench(tmp_path, first=little_left) as bench:
        replies = [await bench.ask() for _ in range(4)]
        assert [r.deployment for r in replies] == ["first", "first", "second", "second"]
        assert all(len(r.attempts) <= 2 for r in replies)
