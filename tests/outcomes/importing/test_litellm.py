"""Spend logs of the LiteLLM proxy: requests become outcomes; what the log cannot say is missing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.importing import detect, import_outcomes
from orchestra_kit.outcomes.importing.litellm import read


def request(**changes: object) -> dict[str, object]:
    """A request as the proxy logs it with its prompts."""
    body = {"model": "cheap", "messages": [{"role": "user", "content": "Summarise the minutes."}]}
    answer = {"choices": [{"message": {"role": "assistant", "content": "Done."}}]}
    return {
        "request_id": "r1", "call_type": "acompletion", "model": "gpt-5-mini",
        "model_group": "cheap", "spend": 0.0021, "prompt_tokens": 120, "completion_tokens": 80,
        "total_tokens": 200, "startTime": "2026-05-01T10:00:00.000Z",
        "endTime": "2026-05-01T10:00:02.500Z", "cache_hit": "False", "status": "success",
        "messages": "{}", "proxy_server_request": json.dumps(body), "response": json.dumps(answer),
        "metadata": {"spend_logs_metadata": {"score": 0.9, "task": "summary"}},
        "request_tags": "[]",
    } | changes  # fmt: skip


def lines(folder: Path, *values: object, name: str = "spend.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def test_a_request_becomes_an_outcome(tmp_path: Path) -> None:
    (row,) = read(lines(tmp_path, request())).frame.to_dict("records")
    assert row["prompt"] == "Summarise the minutes."
    assert row["response"] == "Done."
    assert (row["model"], row["deployment"], row["task"]) == ("gpt-5-mini", "cheap", "summary")
    assert (row["score"], row["cost_usd"], row["latency_s"]) == (0.9, 0.0021, 2.5)
    assert (row["input_tokens"], row["output_tokens"]) == (120, 80)
    assert (row["tokens_source"], row["cost_source"]) == ("recorded", "list_price")
    assert str(row["recorded_at"]) == "2026-05-01 10:00:00+00:00"
    assert row["origin"] == "litellm:spend.jsonl"
    assert row["source"] == "recorded"


def test_csv_json_lines_and_json_say_the_same(tmp_path: Path) -> None:
    rows = [request(), request(request_id="r2", model="gpt-5", metadata={})]
    first = read(lines(tmp_path, *rows)).frame
    (tmp_path / "spend.json").write_text(json.dumps(rows))
    (tmp_path / "page.json").write_text(json.dumps({"data": rows, "total": 2}))
    with (tmp_path / "spend.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "metadata": json.dumps(row["metadata"])})
    for name in ("spend.json", "page.json", "spend.csv"):
        assert detect(tmp_path / name) == "litellm"
        again = read(tmp_path / name).frame
        assert again.drop(columns="origin").equals(first.drop(columns="origin")), name


def test_a_spend_of_nothing_is_unknown_and_counted(tmp_path: Path) -> None:
    outcomes = read(lines(tmp_path, request(spend=0.0)))
    assert outcomes.frame["cost_usd"].isna().all()
    assert outcomes.frame["cost_source"].isna().all()
    assert [(left.n, left.reason.split(",")[0]) for left in outcomes.left_out] == [(1, "cost of 0")]


def test_tokens_that_were_not_counted_are_missing(tmp_path: Path) -> None:
    frame = read(lines(tmp_path, request(prompt_tokens=0, completion_tokens=0))).frame
    assert frame[["input_tokens", "output_tokens", "tokens_source"]].isna().all(axis=None)


def test_what_answers_nobody_is_left_out_and_counted(tmp_path: Path) -> None:
    outcomes = read(
        lines(
            tmp_path,
            request(),
            request(request_id="e", call_type="aembedding"),
            request(request_id="c", cache_hit="True"),
            request(request_id="p", proxy_server_request="{}"),
            request(request_id="m", model=""),
        )
    )
    assert len(outcomes) == 1
    reasons = " | ".join(left.reason for left in outcomes.left_out)
    for word in ("aembedding", "cache", "store_prompts_in_spend_logs", "without a model"):
        assert word in reasons
    assert {left.n for left in outcomes.left_out} == {1}


def test_a_log_without_prompts_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = lines(tmp_path, request(proxy_server_request="{}"), request(proxy_server_request=None))
    with pytest.raises(TableError, match="store_prompts_in_spend_logs"):
        read(path)


def test_a_failure_is_unscored_and_has_neither_cost_nor_time(tmp_path: Path) -> None:
    failed = request(
        status="failure", spend=0.0, response="{}",
        metadata={"status": "failure", "error_information": {"error_class": "RateLimitError"}},
    )  # fmt: skip
    (row,) = read(lines(tmp_path, failed)).frame.to_dict("records")
    assert row["failure"] == "RateLimitError"
    for name in ("score", "cost_usd", "latency_s"):
        assert row[name] != row[name], name


@pytest.mark.parametrize(
    ("metadata", "score"),
    [
        ({"score": 0.25}, 0.25),
        ({"requester_metadata": {"quality_score": "0.5"}}, 0.5),
        ({"spend_logs_metadata": {"scores": {"judge": {"value": 1}}}}, 1.0),
        ({"spend_logs_metadata": {"score": True}}, 1.0),
        ({"score": 4}, None),
        ({"score": "fine"}, None),
        ({}, None),
    ],
)
def test_scores_are_taken_from_the_metadata(tmp_path: Path, metadata, score) -> None:
    frame = read(lines(tmp_path, request(metadata=metadata))).frame
    found = frame["score"].iloc[0]
    assert found == score or (score is None and found != found)


def test_the_task_of_a_query_holds_for_all_who_answered_it(tmp_path: Path) -> None:
    other = request(request_id="r2", model="gpt-5", metadata={})
    tagged = request(
        request_id="r3", model="gpt-5", metadata={}, request_tags='["task:code"]',
        proxy_server_request=json.dumps({"input": "Write a loop."}),
    )  # fmt: skip
    frame = read(lines(tmp_path, request(), other, tagged)).frame
    assert frame["task"].tolist() == ["summary", "summary", "code"]
    assert frame["query_id"].nunique() == 2


def test_the_same_question_again_is_another_query_and_a_copy_is_none(tmp_path: Path) -> None:
    january = lines(tmp_path, request(), request(request_id="r2"), name="january.jsonl")
    february = lines(tmp_path, request(), request(request_id="r3"), name="february.jsonl")
    outcomes = import_outcomes(january, february)
    ids = outcomes.frame["query_id"].tolist()
    assert ids == [ids[0], f"{ids[0]} #2", f"{ids[0]} #3"]
    (copies,) = outcomes.left_out
    assert (copies.n, copies.reason) == (1, "copy of a record that is there already")


def test_a_conversation_names_its_roles(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"},
                                     {"type": "image_url", "image_url": {"url": "x"}}]},
    ]  # fmt: skip
    frame = read(lines(tmp_path, request(messages=messages))).frame
    assert frame["prompt"].iloc[0] == "system: Be brief.\n\nuser: What is it?\n[image_url]"


def test_every_fault_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        request(),
        request(spend=-1),
        request(spend=-1),
        request(startTime="yesterday"),
        request(endTime="2026-05-01T09:00:00Z"),
        {"no": "request"},
        request(prompt_tokens="many"),
    )
    with pytest.raises(TableError) as caught:
        read(path)
    told = [str(problem).removeprefix(str(path)) for problem in caught.value.problems]
    assert told == [
        ":2: spend: is -1; it must be finite and at least 0, and so in 1 more.",
        ":4: startTime: is “yesterday” where a moment belongs.",
        ":5: endTime: is before startTime.",
        ":6: is no request of a spend log.",
        ":7: prompt_tokens: is “many” where a number belongs.",
    ]


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = lines(tmp_path, request())
    path.write_text(path.read_text() + "{broken\n" + json.dumps(request()) + "\n[\n")
    with pytest.raises(TableError) as caught:
        import_outcomes(path, format="litellm")
    assert [problem.line for problem in caught.value.problems] == [2, 4]


def test_a_csv_row_of_another_length_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "spend.csv"
    path.write_text('spend,model,startTime,endTime,messages\n1,m,,,"a\nb"\n1,m,,\n1,m,,,c\n')
    with pytest.raises(TableError, match=r"spend.csv:4: has another number of cells"):
        read(path)


def test_hostile_and_huge_text_is_fine(tmp_path: Path) -> None:
    text = "\ud83d half \x00 <script> " + "x" * 2_000_000 + " \U0001f600"
    outcomes = read(lines(tmp_path, request(messages=[{"role": "user", "content": text}])))
    again = outcomes.join().write(tmp_path / "out.parquet")
    kept = read_back(again)
    assert kept.startswith("\ufffd half \x00 <script>")
    assert kept.endswith("\U0001f600")


def read_back(path: Path) -> str:
    from orchestra_kit.outcomes import Outcomes

    return str(Outcomes.read(path).frame["prompt"].iloc[0])
