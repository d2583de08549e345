"""Logs of inspect_ai: a sample becomes an outcome, in JSON and in the zip, however compressed."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.importing import detect, import_outcomes
from orchestra_kit.outcomes.importing.inspect_ai import read

HEADER = {
    "version": 2, "status": "success",
    "eval": {"task": "gsm8k", "model": "openai/gpt-5", "created": "2026-05-01T10:00:00+00:00",
             "run_id": "r", "dataset": {"name": "gsm8k"}},
    "plan": {"name": "plan", "steps": []},
}  # fmt: skip


def sample(**changes: object) -> dict[str, object]:
    return {
        "id": 1, "epoch": 1, "input": "What is 2 + 2?", "target": "4", "uuid": "u1",
        "messages": [{"role": "user", "content": "What is 2 + 2?"},
                     {"role": "assistant", "content": "4"}],
        "output": {"model": "gpt-5", "completion": "4", "time": 0.8,
                   "choices": [{"message": {"role": "assistant", "content": "4"}}]},
        "scores": {"match": {"value": "C", "answer": "4", "explanation": "The same."}},
        "metadata": {}, "total_time": 3.0, "working_time": 2.0,
        "completed_at": "2026-05-01T10:00:05+00:00",
        "model_usage": {"openai/gpt-5": {"input_tokens": 20, "output_tokens": 5,
                                         "total_tokens": 25}},
    } | changes  # fmt: skip


def as_json(folder: Path, *samples: dict, name: str = "log.json", **header: object) -> Path:
    path = folder / name
    path.write_text(json.dumps({**HEADER, **header, "samples": list(samples)}))
    return path


def as_zip(folder: Path, *samples: dict, finished: bool = True, name: str = "log.eval") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        start = {k: HEADER[k] for k in ("version", "eval", "plan")}
        archive.writestr("_journal/start.json", json.dumps(start))
        for held in samples:
            archive.writestr(f"samples/{held['id']}_epoch_{held['epoch']}.json", json.dumps(held))
        archive.writestr("_journal/summaries/1.json", "[]")
        archive.writestr("summaries.json", "[]")
        if finished:
            archive.writestr("header.json", json.dumps(HEADER))
    return path


def as_zstandard(path: Path) -> Path:
    """The archive anew with every member compressed by method 93, as newer logs are."""
    out, directory = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    for info, data in members:
        packed = pa.BufferOutputStream()
        with pa.CompressedOutputStream(packed, "zstd") as stream:
            stream.write(data)
        body = packed.getvalue().to_pybytes()
        at, name = out.tell(), info.filename.encode()
        common = (20).to_bytes(2, "little") + bytes(2) + (93).to_bytes(2, "little") + bytes(4)
        common += info.CRC.to_bytes(4, "little") + len(body).to_bytes(4, "little")
        common += len(data).to_bytes(4, "little") + len(name).to_bytes(2, "little") + bytes(2)
        out.write(b"PK\x03\x04" + common + name + body)
        directory.write(b"PK\x01\x02" + (20).to_bytes(2, "little") + common + bytes(10)
                        + at.to_bytes(4, "little") + name)  # fmt: skip
    start, held = out.tell(), directory.getvalue()
    count = len(members).to_bytes(2, "little")
    out.write(held + b"PK\x05\x06" + bytes(4) + count + count + len(held).to_bytes(4, "little")
              + start.to_bytes(4, "little") + bytes(2))  # fmt: skip
    path.write_bytes(out.getvalue())
    return path


def test_a_sample_becomes_an_outcome(tmp_path: Path) -> None:
    (row,) = read(as_json(tmp_path, sample())).frame.to_dict("records")
    assert (row["dataset"], row["query_id"], row["model"]) == ("gsm8k", "1", "openai/gpt-5")
    assert (row["task"], row["prompt"]) == ("gsm8k", "What is 2 + 2?")
    assert (row["score"], row["correct"], row["scorer"], row["answer"]) == (1, True, "match", "4")
    assert (row["response"], row["reason"]) == ("4", "The same.")
    assert (row["input_tokens"], row["output_tokens"], row["latency_s"]) == (20, 5, 0.8)
    assert row["cost_usd"] != row["cost_usd"]
    assert str(row["recorded_at"]) == "2026-05-01 10:00:05+00:00"


def test_zip_and_json_say_the_same(tmp_path: Path) -> None:
    samples = [sample(), sample(id="two", uuid="u2"), sample(epoch=2, uuid="u3")]
    first = read(as_json(tmp_path, *samples)).frame
    for path in (as_zip(tmp_path, *samples), as_zip(tmp_path, *samples, finished=False),
                 as_zstandard(as_zip(tmp_path, *samples))):  # fmt: skip
        assert detect(path) == "inspect"
        again = read(path).frame
        rows = [f.drop(columns="origin").sort_values("record_id", ignore_index=True)
                for f in (first, again)]  # fmt: skip
        assert rows[0].equals(rows[1])


def test_an_archive_compressed_by_zstandard_really_is(tmp_path: Path) -> None:
    path = as_zstandard(as_zip(tmp_path, sample()))
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {93}


def test_each_epoch_is_a_query_of_its_own(tmp_path: Path) -> None:
    samples = [sample(epoch=2, uuid="b"), sample(epoch=1, uuid="a"), sample(epoch=3, uuid="c")]
    frame = read(as_json(tmp_path, *samples)).frame
    assert frame["query_id"].tolist() == ["1", "1 #2", "1 #3"]
    assert frame["record_id"].tolist() == ["a", "b", "c"]


def test_logs_of_two_models_meet_at_their_samples(tmp_path: Path) -> None:
    other = copy.deepcopy(HEADER["eval"]) | {"model": "local/small"}
    one = as_json(tmp_path, sample(), name="one.json")
    two = as_json(tmp_path, sample(uuid="x"), name="two.json", eval=other)
    frame = import_outcomes(one, two).frame
    assert frame["query_id"].nunique() == 1
    assert frame["model"].tolist() == ["openai/gpt-5", "local/small"]
    assert frame["origin"].tolist() == ["inspect:one.json", "inspect:two.json"]


@pytest.mark.parametrize(
    ("value", "score"),
    [("C", 1), ("P", 0.5), ("I", 0), ("N", 0), (True, 1), (0.3, 0.3), ("0.25", 0.25), ("yes", 1),
     (float("nan"), None), (7, None), ({"a": 1, "b": 0}, None), ("fine", None), ([1, 0], None)],
)  # fmt: skip
def test_marks_have_the_values_that_inspect_gives_them(tmp_path: Path, value, score) -> None:
    scores = {"first": {"value": value}, "second": {"value": "C"}}
    row = read(as_json(tmp_path, sample(scores=scores))).frame.iloc[0]
    assert row["score"] == score or (score is None and row["score"] != row["score"])
    assert row["scorer"] == "first"


def test_a_score_off_the_scale_is_counted(tmp_path: Path) -> None:
    outcomes = read(as_json(tmp_path, sample(scores={"judge": {"value": 7}})))
    (left,) = outcomes.left_out
    assert "not between 0 and 1" in left.reason
    assert outcomes.frame["reason"].iloc[0] == "judge gave 7, which is not between 0 and 1"


def test_an_old_log_with_one_score_is_read(tmp_path: Path) -> None:
    old = sample(score={"value": "I"})
    del old["scores"]
    assert read(as_json(tmp_path, old)).frame["score"].tolist() == [0]


def test_a_sample_that_broke_is_unscored(tmp_path: Path) -> None:
    row = read(as_json(tmp_path, sample(error={"message": "Connection lost"}))).frame.iloc[0]
    assert row["failure"] == "Connection lost"
    assert row["score"] != row["score"]
    assert row["latency_s"] != row["latency_s"]


def test_an_agent_took_as_long_as_it_worked(tmp_path: Path) -> None:
    turns = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert read(as_json(tmp_path, sample(messages=turns))).frame["latency_s"].tolist() == [2.0]


def test_only_the_model_s_own_use_counts_and_cached_tokens_are_part_of_it(tmp_path: Path) -> None:
    usage = {
        "grader": {"input_tokens": 900, "output_tokens": 90, "total_cost": 1.0},
        "openai/gpt-5": {"input_tokens": 20, "output_tokens": 5, "total_tokens": 125,
                         "input_tokens_cache_read": 100, "total_cost": 0.002},
    }  # fmt: skip
    row = read(as_json(tmp_path, sample(model_usage=usage))).frame.iloc[0]
    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (120, 5, 0.002)


def test_choices_attachments_and_tasks_are_taken_over(tmp_path: Path) -> None:
    held = sample(
        input=[{"role": "user", "content": "attachment://abc"}], choices=["red", "blue"],
        attachments={"abc": "Which colour?"}, metadata={"category": "colours"},
    )  # fmt: skip
    row = read(as_json(tmp_path, held)).frame.iloc[0]
    assert row["prompt"] == "Which colour?\n\nA) red\nB) blue"
    assert row["task"] == "colours"


def test_a_log_without_samples_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="log without samples"):
        read(as_json(tmp_path))
    with pytest.raises(TableError, match="names no model and task"):
        read(as_json(tmp_path, sample(), eval={}))


def test_samples_in_pieces_are_left_out_with_the_way_out(tmp_path: Path) -> None:
    path = as_zip(tmp_path, sample())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("samples/9_epoch_1/sample.json", json.dumps(sample(id=9)))
        archive.writestr("samples/9_epoch_1/messages/0.json", "[]")
    outcomes = read(path)
    assert len(outcomes) == 1
    assert "inspect log convert" in outcomes.left_out[0].reason


def test_a_damaged_archive_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = as_zip(tmp_path, sample())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(TableError, match=r"log\.eval: is a damaged archive"):
        read(path)


def test_every_sample_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = as_zip(tmp_path, sample())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("samples/8_epoch_1.json", "{")
        archive.writestr("samples/9_epoch_1.json", "[" * 100_000)
    with pytest.raises(TableError) as caught:
        read(path)
    assert [p.path for p in caught.value.problems] == [
        "samples/8_epoch_1.json",
        "samples/9_epoch_1.json",
    ]
    assert "nested too deeply" in str(caught.value)
