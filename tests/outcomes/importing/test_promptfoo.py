"""Results of promptfoo: what was asserted is the score, and nothing asserted is unscored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.importing import detect
from orchestra_kit.outcomes.importing.promptfoo import read


def result(**changes: object) -> dict[str, object]:
    return {
        "id": "r1", "promptIdx": 0, "testIdx": 0, "promptId": "p",
        "provider": {"id": "openai:gpt-5", "label": ""},
        "prompt": {"raw": "Say hello.", "label": "p1"}, "vars": {"q": "hello"},
        "testCase": {"vars": {"q": "hello"}, "assert": [{"type": "contains", "value": "hello"}],
                     "metadata": {"category": "greetings"}},
        "response": {"output": "hello", "tokenUsage": {"prompt": 12, "completion": 5}},
        "success": True, "score": 1, "failureReason": 0, "latencyMs": 420, "cost": 0.0004,
        "namedScores": {}, "gradingResult": {"pass": True, "score": 1, "reason": "All passed",
                                             "componentResults": [{"pass": True, "score": 1}]},
    } | changes  # fmt: skip


def output(folder: Path, *results: dict, name: str = "results.json") -> Path:
    path = folder / name
    summary = {"version": 3, "timestamp": "2026-05-01T10:00:00.000Z", "results": list(results),
               "prompts": [], "stats": {}}  # fmt: skip
    whole = {"evalId": "e", "results": summary, "config": {"description": "greeting"}}
    path.write_text(json.dumps(whole))
    return path


def test_a_result_becomes_an_outcome(tmp_path: Path) -> None:
    path = output(tmp_path, result())
    assert detect(path) == "promptfoo"
    (row,) = read(path).frame.to_dict("records")
    assert (row["dataset"], row["task"], row["model"]) == ("greeting", "greetings", "openai:gpt-5")
    assert (row["prompt"], row["response"], row["score"]) == ("Say hello.", "hello", 1)
    assert (row["input_tokens"], row["output_tokens"]) == (12, 5)
    assert (row["cost_usd"], row["latency_s"]) == (0.0004, 0.42)
    assert (row["scorer"], row["reason"]) == ("promptfoo", "All passed")
    assert str(row["recorded_at"]) == "2026-05-01 10:00:00+00:00"


def test_json_lines_and_older_files_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text(json.dumps(result()) + "\n")
    (tmp_path / "old.json").write_text(json.dumps({"results": [result(provider="openai:gpt-5")]}))
    for name in ("lines.jsonl", "old.json"):
        assert detect(tmp_path / name) == "promptfoo"
        (row,) = read(tmp_path / name).frame.to_dict("records")
        assert (row["dataset"], row["model"], row["score"]) == ("promptfoo", "openai:gpt-5", 1)


def test_a_failed_assertion_is_a_low_score(tmp_path: Path) -> None:
    failed = result(
        success=False, score=0.5, failureReason=1, error="Expected output to contain hello",
        gradingResult={"pass": False, "score": 0.5, "reason": "Expected hello",
                       "componentResults": [{}, {}]},
    )  # fmt: skip
    row = read(output(tmp_path, failed)).frame.iloc[0]
    assert (row["score"], row["reason"]) == (0.5, "Expected hello")
    assert row["response"] == "hello"


def test_a_test_that_asserts_nothing_is_unscored(tmp_path: Path) -> None:
    silent = result(
        testCase={"vars": {}, "assert": []},
        gradingResult={"pass": True, "score": 1, "reason": "No assertions"},
    )
    row = read(output(tmp_path, silent)).frame.iloc[0]
    assert row["score"] != row["score"]
    assert row["reason"] == "the test asserts nothing"


def test_an_error_is_unscored_and_says_why(tmp_path: Path) -> None:
    broken = result(success=False, score=0, failureReason=2, error="API error: 429", cost=0,
                    response={"error": "API error: 429"}, gradingResult=None)  # fmt: skip
    row = read(output(tmp_path, broken)).frame.iloc[0]
    assert row["failure"] == "API error: 429"
    for name in ("score", "cost_usd", "latency_s"):
        assert row[name] != row[name], name


def test_older_versions_write_the_assertion_s_words_as_an_error(tmp_path: Path) -> None:
    graded = {"pass": False, "score": 0, "reason": "Expected hello"}
    failed = result(success=False, score=0, error="Expected hello", gradingResult=graded)
    del failed["failureReason"]
    row = read(output(tmp_path, failed)).frame.iloc[0]
    assert (row["score"], row["reason"], row["response"]) == (0, "Expected hello", "hello")


def test_what_came_from_a_cache_has_no_time_and_no_cost_of_its_own(tmp_path: Path) -> None:
    cached = result(
        cost=0, latencyMs=1,
        response={"output": "hello", "cached": True, "tokenUsage": {"cached": 17, "total": 17}},
    )  # fmt: skip
    row = read(output(tmp_path, cached)).frame.iloc[0]
    for name in ("latency_s", "cost_usd", "input_tokens"):
        assert row[name] != row[name], name
    assert row["score"] == 1


def test_providers_meet_at_the_prompt_and_repeats_are_further_queries(tmp_path: Path) -> None:
    other = {"id": "openai:gpt-5", "label": "terse"}
    frame = read(
        output(tmp_path, result(), result(id="r2", provider=other), result(id="r3", provider=other))
    ).frame
    first = frame["query_id"].iloc[0]
    assert frame["query_id"].tolist() == [first, first, f"{first} #2"]
    assert frame["model"].tolist() == ["openai:gpt-5", "terse", "terse"]


def test_chat_prompts_and_structured_answers_become_text(tmp_path: Path) -> None:
    chat = json.dumps([{"role": "system", "content": "Be kind."},
                       {"role": "user", "content": "Hi"}])  # fmt: skip
    row = read(
        output(tmp_path, result(prompt={"raw": chat}, response={"output": {"greeting": "hello"}}))
    ).frame.iloc[0]
    assert row["prompt"] == "system: Be kind.\n\nuser: Hi"
    assert row["response"] == '{"greeting": "hello"}'


def test_faults_are_told_with_their_way(tmp_path: Path) -> None:
    path = output(tmp_path, result(), result(id="r2", latencyMs="soon"), {"x": 1})
    with pytest.raises(TableError) as caught:
        read(path)
    told = [str(problem).removeprefix(f"{path}: ") for problem in caught.value.problems]
    assert told == [
        "results.results.1.latencyMs: is “soon” where a number belongs.",
        "results.results.2: is no result of promptfoo.",
    ]


def test_prompts_that_were_stripped_are_left_out_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="PROMPTFOO_STRIP_PROMPT_TEXT"):
        read(output(tmp_path, result(prompt={"raw": ""})))
