"""OpenTelemetry spans of model calls, as OTLP writes them in JSON or JSON lines.

Spans follow the semantic conventions for generative AI, in their names of today and of before:
prompts and answers are found in attributes and in the span's events, where the instrumentation
recorded them at all. The conventions have no cost; the names that some tools use are read. A score
is that of an event ``gen_ai.evaluation.result``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestra_kit.outcomes.importing.batch import UNKNOWN, Batch, Row, outcomes_of
from orchestra_kit.outcomes.importing.otel_content import answered, asked
from orchestra_kit.outcomes.importing.records import Fields, Record, first_value, records
from orchestra_kit.outcomes.importing.scales import (
    label_score,
    query_of,
    usable_cost,
    usable_score,
)
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["detect", "find", "read"]

NAME = "otel"
_ANSWERING = frozenset({"chat", "text_completion", "generate_content", "completion", "responses"})
_COSTS = ("gen_ai.usage.cost", "gen_ai.usage.total_cost", "operation.cost", "llm.usage.total_cost")
_EVALUATION = "gen_ai.evaluation.result"
_BILLION = 1_000_000_000


def detect(path: Path) -> bool:
    """Whether the file is OTLP's JSON of traces."""
    value = first_value(path) if path.suffix.lower() != ".csv" else None
    return isinstance(value, dict) and bool({"resourceSpans", "resource_spans"} & value.keys())


def read(path: Path | str) -> Outcomes:
    """The model calls among the spans of a file; the dataset is the service's name.

    Raises TableError, with every fault found.
    """
    return outcomes_of([find(Path(path))])


def find(path: Path) -> Batch:
    """What the file holds."""
    batch = Batch(path, NAME)
    for record in records(path):
        if not (isinstance(record.value, dict) and detect_value(record.value)):
            batch.fault("is no OTLP of traces.", line=record.line, place=record.place)
            continue
        for service, place, span in _spans(record.value):
            _take(batch, service, Record(span, record.line, place))
    return batch


def detect_value(value: Mapping[str, object]) -> bool:
    """Whether a document is of traces, not of metrics or logs."""
    return "resourceSpans" in value or "resource_spans" in value


def _spans(document: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    """Service, place and span, for every span."""
    top = "resourceSpans" if "resourceSpans" in document else "resource_spans"
    for i, resource in enumerate(_maps(document.get(top))):
        inner = resource.get("resource")
        named = attributes(inner.get("attributes")) if isinstance(inner, dict) else {}
        service = named.get("service.name")
        for name in ("scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            for j, scope in enumerate(_maps(resource.get(name))):
                spans = scope.get("spans")
                for k, span in enumerate(spans if isinstance(spans, list) else ()):
                    yield str(service or NAME), f"{top}.{i}.{name}.{j}.spans.{k}", span


def _take(batch: Batch, service: str, record: Record) -> None:
    span = Fields(batch, record)
    if not span.values:
        batch.fault("is no span.", line=record.line, place=record.place)
        return
    own = Fields(batch, Record(attributes(span.get("attributes")), record.line, record.place),
                 within="attributes")  # fmt: skip
    events: list[tuple[str, Mapping[str, object]]] = [
        (str(event.get("name", "")), attributes(event.get("attributes")))
        for event in _maps(span.get("events"))
    ]
    model = own.text("gen_ai.request.model", "gen_ai.response.model")
    kind = own.text("gen_ai.operation.name", "llm.request.type", "gen_ai.request.type")
    if model is None and kind not in _ANSWERING:
        batch.leave_out("span that is no call of a model")
    elif kind is not None and kind not in _ANSWERING:
        batch.leave_out(f"span of the operation {kind}, which answers nobody")
    elif model is None:
        batch.leave_out("span without a model")
    else:
        _add(batch, service, model, span, own, events)


def _add(
    batch: Batch,
    service: str,
    model: str,
    span: Fields,
    own: Fields,
    events: list[tuple[str, Mapping[str, object]]],
) -> None:
    prompt = asked(own.values, events)
    if prompt is None:
        batch.leave_out("prompt not recorded; instrumentations do so where they are told to")
        return
    started, ended = span.number("startTimeUnixNano"), span.number("endTimeUnixNano")
    if started and ended and ended < started:
        span.fault("endTimeUnixNano", "is before startTimeUnixNano.")
        return
    failure = _failure(span, own)
    score, scorer, reason = _score(batch, events)
    whole = bool(started and ended) and failure is None
    batch.rows.append(
        Row(
            dataset=service,
            query_id=query_of(prompt),
            task=own.text("orchestra.task", "gen_ai.task", "task") or UNKNOWN,
            prompt=prompt,
            model=model,
            score=score,
            input_tokens=own.number("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
            output_tokens=own.number(
                "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"
            ),
            cost_usd=usable_cost(batch, own.number(*_COSTS)),
            latency_s=_seconds(span) if whole else None,
            response=None if failure else answered(own.values, events),
            recorded_at=_moment(started),
            record_id=_identity(span),
            scorer=scorer,
            reason=reason,
            failure=failure,
        )
    )


def attributes(value: object) -> dict[str, object]:
    """Attributes as plain values, of OTLP's list of keys and values or of a plain map."""
    if isinstance(value, dict):
        return value
    pairs = ((pair.get("key"), pair.get("value")) for pair in _maps(value))
    return {str(key): _plain(wrapped) for key, wrapped in pairs}


def _plain(wrapped: object) -> object:
    if not isinstance(wrapped, dict):
        return wrapped
    for name in ("stringValue", "intValue", "doubleValue", "boolValue"):
        if name in wrapped:
            return wrapped[name]
    listed, mapped = wrapped.get("arrayValue"), wrapped.get("kvlistValue")
    if isinstance(listed, dict):
        values = listed.get("values")
        return [_plain(item) for item in values] if isinstance(values, list) else []
    if isinstance(mapped, dict):
        return attributes(mapped.get("values"))
    return None


def _score(
    batch: Batch, events: list[tuple[str, Mapping[str, object]]]
) -> tuple[float | None, str | None, str | None]:
    for name, held in events:
        if name != _EVALUATION and held.get("event.name") != _EVALUATION:
            continue
        scorer = str(held.get("gen_ai.evaluation.name") or "evaluation")
        value = held.get("gen_ai.evaluation.score.value")
        if value is None:
            value = label_score(held.get("gen_ai.evaluation.score.label"))
        score, reason = usable_score(batch, value, scorer)
        said = held.get("gen_ai.evaluation.explanation")
        return score, scorer, reason or (said if isinstance(said, str) else None)
    return None, None, None


def _failure(span: Fields, own: Fields) -> str | None:
    named = own.text("error.type")
    code = span.at("status").get("code")
    return named or ("error" if code in (2, "2", "STATUS_CODE_ERROR") else None)


def _seconds(span: Fields) -> float | None:
    """Exact to the nanosecond, which numbers of seconds since 1970 are not."""
    started, ended = span.get("startTimeUnixNano"), span.get("endTimeUnixNano")
    try:
        return (int(str(ended)) - int(str(started))) / _BILLION
    except ValueError:
        return None


def _moment(nanos: float | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(nanos / _BILLION, UTC) if nanos else None
    except (ValueError, OverflowError, OSError):
        return None


def _identity(span: Fields) -> str | None:
    trace, own = span.text("traceId", "trace_id"), span.text("spanId", "span_id")
    return f"{trace}/{own}" if trace and own else None


def _maps(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
