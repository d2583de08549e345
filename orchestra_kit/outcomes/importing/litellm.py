"""Spend logs of the LiteLLM proxy: the table ``LiteLLM_SpendLogs`` as CSV, JSON or JSON lines.

The proxy keeps prompts and answers only where ``store_prompts_in_spend_logs`` is on; requests whose
prompt is not there are left out. It writes a spend of 0 where it knows no price. Scores are taken
from the metadata, where whoever calls the proxy may put them.
"""

from __future__ import annotations

from pathlib import Path

from orchestra_kit.outcomes.importing.batch import UNKNOWN, Batch, Row, outcomes_of
from orchestra_kit.outcomes.importing.messages import answer_text, prompt_text
from orchestra_kit.outcomes.importing.records import (
    Fields,
    Record,
    csv_header,
    first_value,
    parsed,
    records,
)
from orchestra_kit.outcomes.importing.scales import query_of, usable_cost, usable_score
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["detect", "find", "read"]

NAME = "litellm"
_SURE = frozenset({"spend", "model", "startTime", "endTime"})
_NO_ANSWERS = ("embedding", "rerank", "moderation", "batch", "file", "mcp")
"""Kinds of call that answer nobody."""
_SCORES = ("score", "quality_score", "quality")
_CUT = "litellm_truncated"
"""What the proxy writes in place of the middle of a long text."""


def detect(path: Path) -> bool:
    """Whether the file is a spend log."""
    if path.suffix.lower() == ".csv":
        return set(csv_header(path)) >= _SURE
    value = first_value(path)
    if isinstance(value, dict) and isinstance(value.get("data"), list) and value["data"]:
        value = value["data"][0]
    return isinstance(value, dict) and value.keys() >= _SURE


def read(path: Path | str) -> Outcomes:
    """The requests of a spend log as outcomes of the dataset ``litellm``.

    Raises TableError, with every fault found.
    """
    return outcomes_of([find(Path(path))])


def find(path: Path) -> Batch:
    """What the file holds."""
    batch = Batch(path, NAME, cost_source="list_price")
    for record in records(path):
        value = record.value
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            for place, item in enumerate(value["data"]):
                _take(batch, Record(item, record.line, f"data.{place}"))
        else:
            _take(batch, record)
    return batch


def _take(batch: Batch, record: Record) -> None:
    log = Fields(batch, record)
    model, kind = log.text("model"), (log.text("call_type") or "").lower()
    if not log.values or "spend" not in log.values:
        batch.fault("is no request of a spend log.", line=record.line, place=record.place)
    elif any(word in kind for word in _NO_ANSWERS):
        batch.leave_out(f"call of the kind {kind}, which answers nobody")
    elif (log.text("cache_hit") or str(log.get("cache_hit"))).lower() == "true":
        batch.leave_out("answer from a cache, whose time and cost are not the model's")
    elif model is None:
        batch.leave_out("request without a model")
    else:
        _add(batch, log, model)


def _add(batch: Batch, log: Fields, model: str) -> None:
    metadata = log.at("metadata")
    prompt = prompt_text(log.get("messages")) or prompt_text(log.get("proxy_server_request"))
    if prompt is None:
        batch.leave_out("prompt not logged; the proxy keeps it with store_prompts_in_spend_logs")
        return
    if _CUT in prompt:
        batch.leave_out("prompt whose middle the proxy cut out (kept as it is)")
    failed = "failure" in (log.text("status"), metadata.text("status"))
    started, ended = log.moment("startTime"), log.moment("endTime")
    seconds = None
    if started is not None and ended is not None:
        seconds = (ended - started).total_seconds()
        if seconds < 0:
            log.fault("endTime", "is before startTime.")
            return
    fed, made = log.number("prompt_tokens"), log.number("completion_tokens")
    spend = log.number("spend")
    counted = bool(fed or made)
    score, scorer, reason = (None, None, None) if failed else _score(batch, metadata)
    batch.rows.append(
        Row(
            dataset=NAME,
            query_id=query_of(prompt),
            task=_task(log, metadata),
            prompt=prompt,
            model=model,
            score=score,
            input_tokens=fed if counted else None,
            output_tokens=made if counted else None,
            cost_usd=None if failed else usable_cost(batch, spend),
            latency_s=None if failed else seconds,
            response=None if failed else answer_text(log.get("response")),
            recorded_at=started,
            record_id=log.text("request_id"),
            deployment=log.text("model_group", "model_id"),
            scorer=scorer,
            reason=reason,
            failure=_failure(metadata) if failed else None,
        )
    )


def _score(batch: Batch, metadata: Fields) -> tuple[float | None, str | None, str | None]:
    """Score, scorer and reason, of the metadata or of what the caller put into it."""
    for place in (metadata, metadata.at("spend_logs_metadata"), metadata.at("requester_metadata")):
        name = next((name for name in _SCORES if place.get(name) is not None), "")
        value = place.get(name) if name else None
        several = parsed(place.get("scores"))
        if value is None and isinstance(several, dict) and several:
            name, value = next(iter(several.items()))
        if value is not None:
            if isinstance(value, dict):
                value = value.get("value", value.get("score"))
            score, reason = usable_score(batch, value, name)
            return score, name, reason
    return None, None, None


def _task(log: Fields, metadata: Fields) -> str:
    """The task that the caller named: in the metadata, or as a tag ``task:...``."""
    for place in (metadata.at("spend_logs_metadata"), metadata.at("requester_metadata"), metadata):
        named = place.text("task")
        if named:
            return named
    tags = parsed(log.get("request_tags"))
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, str) and tag.startswith("task:") and len(tag) > 5:
            return tag[5:].strip() or UNKNOWN
    return UNKNOWN


def _failure(metadata: Fields) -> str:
    error = metadata.at("error_information")
    return error.text("error_class", "error_code") or "failure"
