"""OpenTelemetry spans: model calls become outcomes, in the names of today and of before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.importing import detect
from orchestra_kit.outcomes.importing.otel import read

START = 1_777_000_000_123_456_789


def wrapped(value: object) -> dict[str, object]:
    """A value as OTLP writes it in JSON: whole numbers as text."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [wrapped(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": value}


def pairs(values: dict) -> list[dict[str, object]]:
    return [{"key": key, "value": wrapped(value)} for key, value in values.items()]


def span(attributes: dict, *, events: dict | list = (), number: int = 1, **changes: object) -> dict:
    named = list(events.items()) if isinstance(events, dict) else list(events)
    return {
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": f"eee19b7ec3c1b{number:03}",
        "name": "chat", "kind": 3, "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_250_000_001), "status": {},
        "attributes": pairs(attributes),
        "events": [{"name": name, "attributes": pairs(held)} for name, held in named],
    } | changes  # fmt: skip


def document(*spans: object, service: str = "desk") -> dict:
    resource = {"attributes": pairs({"service.name": service})}
    scope = {"scope": {"name": "x"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def lines(folder: Path, *documents: dict, name: str = "traces.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(d) + "\n" for d in documents))
    return path


MODEL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5"}
TODAY = MODEL | {
    "gen_ai.provider.name": "openai",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.input.messages": json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]}]
    ),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": "Rain."}],
          "finish_reason": "stop"}]
    ),
}  # fmt: skip


def test_a_call_of_a_model_becomes_an_outcome(tmp_path: Path) -> None:
    path = lines(tmp_path, document(span(TODAY)))
    assert detect(path) == "otel"
    (row,) = read(path).frame.to_dict("records")
    assert (row["prompt"], row["response"]) == ("Weather in Paris?", "Rain.")
    assert (row["dataset"], row["model"], row["task"]) == ("desk", "gpt-5", "unknown")
    assert (row["input_tokens"], row["output_tokens"]) == (12, 7)
    assert row["latency_s"] == 1.250000001
    assert str(row["recorded_at"]).startswith("2026-04-24 ")
    assert row["score"] != row["score"]
    assert row["cost_usd"] != row["cost_usd"]
    assert row["origin"] == "otel:traces.jsonl"


GENERATIONS = {
    "structured attributes": (
        MODEL | {
            "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
            "gen_ai.input.messages": [
                {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [{"type": "text", "content": "Yo"}]}],
        }, []),
    "the event of the whole call": (MODEL, [(
        "gen_ai.client.inference.operation.details", {
            "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
            "gen_ai.input.messages": [
                {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": [{"type": "text", "content": "Yo"}]}],
        })]),
    "an event a message": (MODEL | {"gen_ai.system": "openai"}, [
        ("gen_ai.system.message", {"content": "Be brief."}),
        ("gen_ai.user.message", {"content": "Hi"}),
        ("gen_ai.choice", {"index": 0, "message": json.dumps({"content": "Yo"})}),
    ]),
    "events of content": (MODEL, [
        ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps(
            [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])}),
        ("gen_ai.content.completion", {"gen_ai.completion": json.dumps(
            [{"role": "assistant", "content": "Yo"}])}),
    ]),
    "numbered attributes": (MODEL | {
        "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "Hi",
        "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "Yo",
    }, []),
}  # fmt: skip


@pytest.mark.parametrize("name", GENERATIONS)
def test_every_generation_of_names_says_the_same(tmp_path: Path, name: str) -> None:
    attributes, events = GENERATIONS[name]
    frame = read(lines(tmp_path, document(span(attributes, events=events)))).frame
    assert frame["prompt"].tolist() == ["system: Be brief.\n\nuser: Hi"]
    assert frame["response"].tolist() == ["Yo"]


def test_old_names_of_tokens_are_read(tmp_path: Path) -> None:
    old = MODEL | {
        "gen_ai.prompt": "Hi", "gen_ai.completion": "Yo",
        "gen_ai.usage.prompt_tokens": 3, "gen_ai.usage.completion_tokens": 1,
    }  # fmt: skip
    (row,) = read(lines(tmp_path, document(span(old)))).frame.to_dict("records")
    assert (row["prompt"], row["response"]) == ("Hi", "Yo")
    assert (row["input_tokens"], row["output_tokens"]) == (3, 1)


def test_a_prompt_that_happens_to_be_json_stays_as_it_is(tmp_path: Path) -> None:
    text = '{"items": [1, 2], "question": "sum?"}'
    frame = read(lines(tmp_path, document(span(MODEL | {"gen_ai.prompt": text})))).frame
    assert frame["prompt"].tolist() == [text]


@pytest.mark.parametrize(
    ("held", "score", "reason"),
    [
        ({"gen_ai.evaluation.score.value": 0.75}, 0.75, None),
        ({"gen_ai.evaluation.score.label": "pass"}, 1.0, None),
        ({"gen_ai.evaluation.score.value": 0.0, "gen_ai.evaluation.explanation": "Wrong."},
         0.0, "Wrong."),
        ({"gen_ai.evaluation.score.value": 4.0}, None,
         "Relevance gave 4, which is not between 0 and 1"),
        ({"gen_ai.evaluation.score.label": "relevant"}, None, None),
    ],
)  # fmt: skip
def test_an_evaluation_is_the_score(tmp_path: Path, held, score, reason) -> None:
    event = ("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "Relevance"} | held)
    frame = read(lines(tmp_path, document(span(TODAY, events=[event])))).frame
    row = frame.iloc[0]
    assert row["score"] == score or (score is None and row["score"] != row["score"])
    assert row["scorer"] == "Relevance"
    if reason:
        assert row["reason"] == reason


def test_spans_that_answer_nobody_are_left_out_and_counted(tmp_path: Path) -> None:
    outcomes = read(
        lines(
            tmp_path,
            document(
                span(TODAY),
                span({"http.method": "GET"}, number=2),
                span(TODAY | {"gen_ai.operation.name": "embeddings"}, number=3),
                span({"gen_ai.operation.name": "execute_tool"}, number=4),
                span(MODEL, number=5),
                span({"gen_ai.operation.name": "chat"}, number=6),
            ),
        )
    )
    assert len(outcomes) == 1
    assert sum(left.n for left in outcomes.left_out) == 5
    assert any("prompt not recorded" in left.reason for left in outcomes.left_out)


def test_a_failure_has_no_time_and_says_why(tmp_path: Path) -> None:
    frame = read(
        lines(
            tmp_path,
            document(span(TODAY | {"error.type": "timeout"}, status={"code": 2})),
            document(span(TODAY, number=2, status={"code": "STATUS_CODE_ERROR"})),
        )
    ).frame
    assert frame["failure"].tolist() == ["timeout", "error"]
    assert frame["latency_s"].isna().all()
    assert "response" not in frame


def test_the_costs_that_some_tools_write_are_read(tmp_path: Path) -> None:
    spans = [span(TODAY | {"gen_ai.usage.cost": 0.003}),
             span(TODAY | {"operation.cost": 0.0}, number=2)]  # fmt: skip
    frame = read(lines(tmp_path, document(*spans))).frame
    assert frame["cost_usd"].iloc[0] == 0.003
    assert frame["cost_usd"].isna().iloc[1]


def test_the_same_span_in_two_exports_counts_once(tmp_path: Path) -> None:
    outcomes = read(lines(tmp_path, document(span(TODAY)), document(span(TODAY))))
    assert len(outcomes) == 1


def test_one_document_and_snake_case_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    inner = document(span(TODAY))["resourceSpans"]
    inner[0]["scope_spans"] = inner[0].pop("scopeSpans")
    path.write_text(json.dumps({"resource_spans": inner}, indent=1))
    assert detect(path) == "otel"
    assert len(read(path)) == 1


def test_faults_are_told_with_line_and_way(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        document(span(TODAY)),
        document(span(TODAY | {"gen_ai.usage.input_tokens": -4}), "no span"),
        {"resourceLogs": []},
        document(span(TODAY, endTimeUnixNano="5")),
    )
    with pytest.raises(TableError) as caught:
        read(path)
    told = [str(problem).removeprefix(str(path)) for problem in caught.value.problems]
    way = "resourceSpans.0.scopeSpans.0.spans"
    assert told == [
        f":2: {way}.0.attributes.gen_ai.usage.input_tokens: is -4; it must be finite and at"
        " least 0.",
        f":2: {way}.1: is no span.",
        ":3: is no OTLP of traces.",
        f":4: {way}.0.endTimeUnixNano: is before startTimeUnixNano.",
    ]
