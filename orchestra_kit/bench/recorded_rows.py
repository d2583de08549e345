"""Answers and their scores as a table of outcomes, in Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestra_kit.bench.journal import Entry
from orchestra_kit.bench.prompts import Prompt
from orchestra_kit.core.answer import Score, Source, UsageStatus
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.cost.pricing import cost_of
from orchestra_kit.outcomes.prompt_key import prompt_key
from orchestra_kit.policy.prices import PriceBook

__all__ = ["SCHEMA", "write_rows"]

_TEXT = pa.string()
SCHEMA = pa.schema(
    [
        ("dataset", _TEXT), ("query_id", _TEXT), ("task", _TEXT), ("prompt", _TEXT),
        ("model", _TEXT), ("score", pa.float64()), ("correct", pa.bool_()),
        ("input_tokens", pa.int64()), ("output_tokens", pa.int64()), ("tokens_source", _TEXT),
        ("cost_usd", pa.float64()), ("cost_source", _TEXT), ("latency_s", pa.float64()),
        ("answer", _TEXT), ("response", _TEXT), ("split", _TEXT), ("source", _TEXT),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("deployment", _TEXT), ("level", _TEXT), ("scorer", _TEXT), ("reason", _TEXT),
        ("finish", _TEXT), ("failure", _TEXT),
    ]
)  # fmt: skip
"""The columns of every table of outcomes, and behind them what only a recording knows: `reason`
says why a score is not 1, or why there is none."""

_TEST_SHARE = 4
"""One prompt in four is for testing."""


def write_rows(
    rows: Iterable[tuple[Prompt, Entry]], *, dataset: str, prices: PriceBook, out: Path
) -> int:
    """Score the answers and write the table whole or not at all; gives the number of rows.

    The same answers give the same rows, whenever they are written.
    """
    found = [_row(dataset, prompt, entry, prices) for prompt, entry in rows]
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        pq.write_table(pa.Table.from_pylist(found, schema=SCHEMA), partial, compression="zstd")
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return len(found)


def _row(dataset: str, prompt: Prompt, entry: Entry, prices: PriceBook) -> dict[str, object]:
    score = _score(prompt, entry)
    usage = entry.usage
    price = prices.price(entry.model, entry.at.date())
    cost = cost_of(usage, price) if usage else None
    known = usage is not None and usage.status is not UsageStatus.UNKNOWN
    reported = usage is not None and usage.status is UsageStatus.REPORTED
    return {
        "dataset": dataset,
        "query_id": prompt.id,
        "task": prompt.task,
        "prompt": prompt.prompt,
        "model": entry.model,
        "score": score.value,
        "correct": None if score.value is None else score.value >= 1,
        "input_tokens": usage.prompt_tokens if usage and known else None,
        "output_tokens": usage.output_tokens + usage.reasoning_tokens if usage and known else None,
        "tokens_source": "recorded" if reported else "estimated_chars4" if known else None,
        "cost_usd": None if cost is None else float(cost),
        "cost_source": _cost_source(price.says) if price and cost is not None else None,
        "latency_s": entry.seconds if entry.text is not None else None,
        "answer": prompt.scorer.short_answer(entry.text) if entry.text else None,
        "response": entry.text,
        "split": _split(prompt.prompt),
        "source": Source.RECORDED.value,
        "recorded_at": entry.at,
        "deployment": entry.deployment,
        "level": prompt.level,
        "scorer": prompt.scorer.name,
        "reason": score.reason or None,
        "finish": entry.finish or None,
        "failure": entry.failure or None,
    }


def _score(prompt: Prompt, entry: Entry) -> Score:
    if entry.text is None:
        return Score.unscored(prompt.scorer.name, f"no answer: {entry.message or entry.failure}")
    return prompt.scorer.score(entry.text)


def _cost_source(says: str) -> str:
    return "fictitious_list_price" if "fictitious" in says.lower() else "list_price"


def _split(prompt: str) -> str:
    """By a hash of the prompt, so that a prompt is in one split in every table."""
    return "train" if stable_seed("split", prompt_key(prompt)) % _TEST_SHARE else "test"
