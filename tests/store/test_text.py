"""Hostile and odd text goes in and comes out as text, and prompts are kept as far as was asked."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from orchestra_kit.core.answer import Source, Usage
from orchestra_kit.store import schema
from orchestra_kit.store.buffered import BufferedLedger
from orchestra_kit.store.store import Store
from orchestra_kit.store.text import LONGEST_MESSAGE, LONGEST_PROMPT, Capture, storable
from tests.store.values import (
    a_notice,
    a_reply,
    a_request,
    an_attempt,
    an_entry,
    started_run,
)

ODD = "tea\0 \ud800 cup 🍵 \u202e'; DROP TABLE requests; --"
CLEAN = "tea � cup 🍵 \u202e'; DROP TABLE requests; --"


@given(st.text(alphabet=st.characters(), max_size=60))
def test_text_that_a_database_can_hold_is_left_alone_and_other_text_is_made_so(text):
    kept = storable(text)
    kept.encode()
    assert "\0" not in kept
    if "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text):
        assert kept is text


@given(st.text(alphabet=st.characters(categories=["Cs"]), max_size=5), st.text(max_size=5))
def test_halves_of_pairs_are_replaced_and_their_neighbours_kept(halves, rest):
    assert storable(f"a{halves}b").startswith("a")
    assert storable(f"a{halves}b").endswith("b")
    assert storable(halves + rest.replace("\0", "")).endswith(rest.replace("\0", ""))


def test_a_pair_of_halves_becomes_the_character_that_they_are():
    assert storable("\ud83c\udf75") == "🍵"


def _note(store: Store, *, text: str, mode: str | None = None) -> str:
    run_id = started_run(store)
    capture = replace(store.capture, mode=mode) if mode else store.capture
    ledger = BufferedLedger(run_id, Source.SIMULATED, capture=capture)

    async def note() -> None:
        request = a_request(text=text, user=text)
        attempt = replace(an_attempt(request), message=text)
        await ledger.finish(attempt)
        await ledger.enqueue(an_entry(request))
        await ledger.notice(a_notice(message=text))
        reply = a_reply(request)
        await ledger.record(request, replace(reply, text=text))

    asyncio.run(note())
    store.write(ledger.drain())
    return run_id


def test_odd_text_is_kept_wherever_it_may_stand(any_store):
    _note(any_store, text=ODD, mode="full")
    (row,) = any_store.rows(select(schema.requests))
    assert (row.user, row.message, row.prompt) == (CLEAN, CLEAN, CLEAN)
    assert any_store.rows(select(schema.attempts.c.message))[0].message == CLEAN
    assert any_store.open_queue("batch")[0].entry.text == CLEAN
    notices = {row.kind: row.message for row in any_store.rows(select(schema.notices))}
    assert notices["breaker_opened"] == CLEAN
    assert "freed of characters that a database cannot hold" in notices["prompt_changed"]


def test_a_very_long_prompt_is_cut_and_that_is_told(store):
    _note(store, text="x" * 10_000_000, mode="full")
    (row,) = store.rows(select(schema.requests))
    assert row.prompt == "x" * LONGEST_PROMPT
    assert len(row.message) == LONGEST_MESSAGE
    told = store.rows(select(schema.notices).where(schema.notices.c.kind == "prompt_changed"))
    assert "cut from 10,000,000 to 100,000 characters" in told[0].message
    assert len(store.open_queue("batch")[0].entry.text) == 10_000_000, "it has to be carried out"


@pytest.mark.parametrize(("mode", "hashed"), [("none", False), ("hash", True)])
def test_prompts_are_not_kept_unless_asked(tmp_path: Path, path: Path, mode, hashed):
    with Store.open(path, capture=mode) as store:
        ledger = BufferedLedger(started_run(store), Source.SIMULATED, capture=store.capture)
        request = a_request(text="a very private prompt")
        asyncio.run(ledger.record(request, a_reply(request)))
        store.write(ledger.drain())
        (row,) = store.rows(select(schema.requests))
    assert row.prompt is None
    assert bool(row.prompt_hash) is hashed
    assert b"very private" not in path.read_bytes()


def test_equal_prompts_have_equal_digests_in_one_store_and_others_in_another(path, tmp_path):
    with Store.open(path) as store:
        first = store.capture.digest("write about tea")
        assert len(first) == 16
        assert store.capture.digest("write about tea") == first
        assert store.capture.digest("write about tea!") != first
    with Store.open(path) as again:
        assert again.capture.digest("write about tea") == first
    with Store.open(tmp_path / "other.db") as other:
        assert other.capture.digest("write about tea") != first


def test_a_digest_takes_any_text():
    assert len(Capture("hash", b"key").digest(ODD)) == 16


def test_numbers_that_no_column_can_hold_are_unknown(any_store):
    request = a_request()
    attempt = replace(
        an_attempt(request),
        usage=Usage(input_tokens=10**30, output_tokens=5, seconds=math.nan),
        cost=Decimal("1e30"),
        seconds=math.inf,
    )
    ledger = BufferedLedger(started_run(any_store), Source.SIMULATED)
    asyncio.run(ledger.finish(attempt))
    any_store.write(ledger.drain())
    (row,) = any_store.rows(select(schema.attempts))
    assert (row.input_tokens, row.output_tokens, row.audio_seconds) == (None, 5, None)
    assert (row.cost, row.seconds) == (None, None)


def test_ten_megabytes_come_back_as_they_were_from_where_they_are_needed(any_store, clock):
    text = "naïve 🙂 " * 1_000_000
    assert len(text.encode()) > 10 * 2**20
    request = a_request(text=text)
    ledger = any_store.ledger(started_run(any_store), Source.SIMULATED, clock)
    clock.run_sync(ledger.enqueue(an_entry(request)))
    (waiting,) = any_store.open_queue("batch")
    assert waiting.entry.text == text


NAMES = [
    "../../x",
    "CON",
    "a/b",
    "n" * 300,
    "..",
    "/etc/passwd",
    "store.db",
    "a\x00b",
    "~",
    "'; --",
]


def test_names_never_become_paths(path, tmp_path, clock):
    from orchestra_kit.store.export import export

    with Store.open(path) as store:
        for number, name in enumerate(NAMES):
            run_id = store.start_run(
                "service", name=storable(name), policy=storable(name), policy_hash="h",
                source=Source.SIMULATED, seed=1, run_id=f"{number}{storable(name)}",
            )  # fmt: skip
            request = replace(a_request(number), session=name, user=name, feature=name, team=name)
            ledger = store.ledger(run_id, Source.SIMULATED, clock)
            clock.run_sync(ledger.record(request, a_reply(request, an_attempt(request))))
        sessions = {row.session for row in store.rows(select(schema.requests.c.session))}
        assert sessions == {storable(name) for name in NAMES}
    assert [p.name for p in path.parent.iterdir()] == ["store.db"]
    export(path, tmp_path / "out", format="csv", progress=False)
    tables = {f"{name}.csv" for name in schema.metadata.tables}
    assert {p.name for p in (tmp_path / "out").rglob("*")} < tables
