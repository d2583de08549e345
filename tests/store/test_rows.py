"""What is known of a request and its attempts is in their rows, and what is not is NULL."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sqlalchemy import select

from orchestra_kit.core.answer import Source, Usage
from orchestra_kit.store import schema
from tests.store.values import a_reply, a_request, an_attempt, an_intent, started_run


def test_every_kind_of_token_and_both_costs_are_kept(any_store, clock):
    run_id = started_run(any_store)
    ledger = any_store.ledger(run_id, Source.SIMULATED, clock)
    request = replace(a_request(), team="growth", workflow="blog post")
    usage = Usage(
        input_tokens=1,
        cached_tokens=2,
        cache_write_tokens=3,
        cache_write_1h_tokens=4,
        input_audio_tokens=5,
        input_image_tokens=6,
        output_tokens=7,
        reasoning_tokens=8,
        output_audio_tokens=9,
        output_image_tokens=10,
        queries=11,
    )
    attempt = replace(
        an_attempt(request),
        usage=usage,
        cost_reported=Decimal("0.0391"),
        cost_computed=Decimal("0.0388"),
        first_token_seconds=0.42,
        hedge=True,
        dropped_parameters=("seed", "logit_bias"),
    )
    reply = replace(a_reply(request, attempt), incident="inc_1")

    async def note() -> None:
        await ledger.begin(an_intent(request))
        await ledger.finish(attempt)
        await ledger.record(request, reply)

    clock.run_sync(note())
    (row,) = any_store.rows(select(schema.attempts))
    for name in ("cache_write_tokens", "cache_write_1h_tokens", "input_audio_tokens",
                 "input_image_tokens", "output_audio_tokens", "output_image_tokens",
                 "queries"):  # fmt: skip
        assert row._mapping[name] == getattr(usage, name)
    assert (row.cost_reported, row.cost_computed) == (Decimal("0.0391"), Decimal("0.0388"))
    assert (row.first_token, row.hedge) == (0.42, True)
    assert row.dropped_parameters == ["seed", "logit_bias"]
    (row,) = any_store.rows(select(schema.requests))
    assert (row.team, row.workflow, row.incident) == ("growth", "blog post", "inc_1")


def test_before_its_ending_nothing_is_claimed_of_a_send(any_store, clock):
    ledger = any_store.ledger(started_run(any_store), Source.SIMULATED, clock)
    clock.run_sync(ledger.begin(an_intent(a_request())))
    (row,) = any_store.rows(select(schema.attempts))
    assert (row.queries, row.cost_reported, row.cost_computed) == (None, None, None)
    assert (row.first_token, row.hedge, row.dropped_parameters) == (None, False, None)


def test_a_count_that_no_column_holds_is_unknown(any_store, clock):
    ledger = any_store.ledger(started_run(any_store), Source.SIMULATED, clock)
    usage = Usage(queries=2**63, cache_write_tokens=5)
    clock.run_sync(ledger.finish(replace(an_attempt(a_request()), usage=usage)))
    (row,) = any_store.rows(select(schema.attempts))
    assert (row.queries, row.cache_write_tokens) == (None, 5)
