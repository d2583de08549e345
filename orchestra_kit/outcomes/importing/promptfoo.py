"""Results of promptfoo, as ``promptfoo eval --output`` writes them in JSON or JSON lines.

A test that asserts nothing passes in promptfoo with a score of 1; here it is unscored. What came
from promptfoo's cache has no time of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

from orchestra_kit.outcomes.importing.batch import Batch, Row, outcomes_of
from orchestra_kit.outcomes.importing.messages import answer_text, prompt_text
from orchestra_kit.outcomes.importing.records import Fields, Record, first_value, records
from orchestra_kit.outcomes.importing.scales import query_of, usable_cost, usable_score
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["detect", "find", "read"]

NAME = "promptfoo"
_SCORER = "promptfoo"
_ERROR = 2
"""The failure reason of a test that could not be judged; 1 is a failed assertion."""
_TASKS = ("task", "category", "subject")


def detect(path: Path) -> bool:
    """Whether the file holds results."""
    value = first_value(path) if path.suffix.lower() != ".csv" else None
    if not isinstance(value, dict):
        return False
    inner = value.get("results")
    if isinstance(inner, dict):
        inner = inner.get("results")
    if isinstance(inner, list):
        value = inner[0] if inner and isinstance(inner[0], dict) else {}
        return not inner or _is_result(value)
    return _is_result(value)


def read(path: Path | str) -> Outcomes:
    """The results as outcomes; the evaluation's description is the dataset.

    Raises TableError, with every fault found.
    """
    return outcomes_of([find(Path(path))])


def find(path: Path) -> Batch:
    """What the file holds."""
    batch = Batch(path, NAME, cost_source="list_price")
    for record in records(path):
        document = Fields(batch, record)
        dataset = document.at("config").text("description") or NAME
        inner = document.at("results")
        when = Fields(batch, Record(inner.values, record.line, record.place), within="results")
        listed, place = inner.values.get("results"), "results.results"
        if listed is None:
            listed, place = document.values.get("results"), "results"
        if isinstance(listed, list):
            for number, item in enumerate(listed):
                _take(batch, Record(item, record.line, f"{place}.{number}"), dataset, when)
        else:
            _take(batch, record, dataset, when)
    return batch


def _is_result(value: dict[str, object]) -> bool:
    return {"provider", "prompt"} <= value.keys() and bool({"success", "score"} & value.keys())


def _take(batch: Batch, record: Record, dataset: str, when: Fields) -> None:
    result = Fields(batch, record)
    provider = result.at("provider")
    model = provider.text("label", "id") or result.text("provider")
    prompt = prompt_text(result.at("prompt").get("raw") or result.get("prompt"))
    if not _is_result(dict(result.values)):
        batch.fault("is no result of promptfoo.", line=record.line, place=record.place)
    elif model is None:
        batch.leave_out("result without a provider")
    elif prompt is None:
        batch.leave_out("prompt not written; promptfoo does so without PROMPTFOO_STRIP_PROMPT_TEXT")
    else:
        _add(batch, result, dataset, model, prompt, when)


def _add(batch: Batch, result: Fields, dataset: str, model: str, prompt: str, when: Fields) -> None:
    response, test = result.at("response"), result.at("testCase")
    metadata = test.at("metadata")
    failed = result.get("failureReason") == _ERROR or _errored(result)
    cached = response.get("cached") is True
    score, reason = _score(batch, result, test) if not failed else (None, None)
    usage = result.at("tokenUsage") if result.at("tokenUsage").values else response.at("tokenUsage")
    fed, made = usage.number("prompt"), usage.number("completion")
    counted = bool(fed or made)
    cost = result.number("cost")
    millis = result.number("latencyMs")
    batch.rows.append(
        Row(
            dataset=dataset,
            query_id=query_of(prompt),
            task=next((t for t in map(metadata.text, _TASKS) if t), dataset),
            prompt=prompt,
            model=model,
            score=score,
            input_tokens=fed if counted else None,
            output_tokens=made if counted else None,
            cost_usd=None if failed else usable_cost(batch, response.number("cost") or cost),
            latency_s=millis / 1000 if millis and not cached and not failed else None,
            response=None if failed else _output(response),
            recorded_at=when.moment("timestamp"),
            record_id=result.text("id"),
            scorer=_SCORER if score is not None or reason else None,
            reason=reason,
            failure=(result.text("error") or response.text("error") or "error") if failed else None,
        )
    )


def _errored(result: Fields) -> bool:
    """Whether there is an error and not the words of a failed assertion, which promptfoo writes
    to the same place; older versions write no failure reason."""
    if result.get("error") is None or result.get("failureReason") in (0, 1):
        return False
    return not result.at("gradingResult").values


def _score(batch: Batch, result: Fields, test: Fields) -> tuple[float | None, str | None]:
    graded = result.at("gradingResult")
    said = graded.text("reason")
    silent = not graded.get("componentResults") and said in (None, "No assertions")
    asserts = test.get("assert")
    if silent and not asserts and (test.values or graded.values):
        return None, "the test asserts nothing"
    value = result.get("score") if result.get("score") is not None else result.get("success")
    score, why = usable_score(batch, value, _SCORER)
    return score, why or said


def _output(response: Fields) -> str | None:
    output = response.get("output")
    if isinstance(output, (dict, list)):
        return answer_text(output) or json.dumps(output, ensure_ascii=False)
    return answer_text(output)
