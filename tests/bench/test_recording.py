"""Recording: nothing that was answered is lost, asked twice or dropped in silence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestra_kit.bench.journal import Entry, Journal, read_journal
from orchestra_kit.bench.prompts import Prompts
from orchestra_kit.bench.recording import record, rescore
from orchestra_kit.core.answer import Answer, Source, Usage, UsageStatus
from orchestra_kit.core.errors import (
    AttemptOutcome,
    BenchError,
    FailureClass,
    ProviderError,
    SuiteError,
)
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy

ROOT = Path(__file__).parents[2]
PROMPTS = """\
dataset: little
prompts:
  - {id: sum, task: arithmetic, level: easy, prompt: What is 1 + 1?, scorer: {name: number, expected: 2}}
  - {id: mood, task: sentiment, prompt: Is it good or bad?, scorer: {name: choice, labels: [good, bad], expected: good}}
"""  # noqa: E501


class Scripted:
    """A backend that answers from a table and counts what it was asked."""

    source = Source.LIVE

    def __init__(self, **answers: str | ProviderError) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def provider(self, deployment: str) -> Scripted:
        return self

    async def send(self, call) -> Answer:
        self.asked.append((call.deployment, call.text))
        answer = self.answers.get(call.deployment.replace("-", "_").replace(".", "_"), "2 good")
        if isinstance(answer, ProviderError):
            raise answer
        return Answer(text=answer, model="m", usage=Usage(input_tokens=1_000, output_tokens=500))

    async def close(self) -> None:
        pass


@pytest.fixture
def policy() -> Policy:
    return Policy.load(ROOT / "examples" / "local")


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "prompts.yaml").write_text(PROMPTS)
    return {
        "prompts": tmp_path / "prompts.yaml",
        "out": tmp_path / "outcomes.parquet",
        "journal": tmp_path / "journal.jsonl",
    }


def failed(failure: str, code: str = "") -> ProviderError:
    return ProviderError(
        "it went wrong",
        failure=FailureClass(failure),
        outcome=AttemptOutcome.FAILED,
        code=code,
        usage=Usage(input_tokens=9, status=UsageStatus.ESTIMATED) if code else None,
    )


def test_every_prompt_goes_to_every_deployment_and_becomes_a_row(policy, places):
    backend = Scripted(gemma_270m="3 bad")
    assert record(policy, **places, backend=backend, progress=False) == 6
    outcomes = Outcomes.read(places["out"])
    frame = outcomes.frame.set_index(["query_id", "deployment"])
    assert frame.loc[("sum", "qwen-coder-1.5b"), "score"] == 1.0
    assert frame.loc[("sum", "gemma-270m"), "score"] == 0.0
    assert frame.loc[("sum", "gemma-270m"), "reason"] == "3 instead of 2"
    assert frame.loc[("mood", "gemma-270m"), "answer"] == "bad"
    assert outcomes.source is Source.RECORDED
    assert set(frame["tokens_source"]) == {"recorded"}
    assert set(frame["model"]) == set(policy.models)
    # 1,000 tokens at $0.60 and 500 at $1.80 a million
    assert frame.loc[("sum", "qwen-coder-1.5b"), "cost_usd"] == pytest.approx(0.0015)
    assert set(frame["cost_source"]) == {"fictitious_list_price"}


def test_a_second_run_asks_nothing_and_writes_the_same_rows(policy, places):
    record(policy, **places, backend=Scripted(), progress=False)
    first = Outcomes.read(places["out"]).frame
    again = Scripted()
    record(policy, **places, backend=again, progress=False)
    assert again.asked == []
    assert first.equals(Outcomes.read(places["out"]).frame)


def test_a_failure_is_a_row_without_a_score_and_is_asked_again(policy, places):
    record(policy, **places, backend=Scripted(gemma_270m=failed("server")), progress=False)
    rows = Outcomes.read(places["out"]).frame.set_index(["query_id", "deployment"])
    row = rows.loc[("sum", "gemma-270m")]
    assert row["failure"] == "server"
    assert row["reason"] == "no answer: it went wrong"
    assert row[["score", "cost_usd", "latency_s", "response", "correct"]].isna().all()
    again = Scripted()
    record(policy, **places, backend=again, progress=False)
    assert {deployment for deployment, _ in again.asked} == {"gemma-270m"}
    assert Outcomes.read(places["out"]).frame["score"].notna().all()


def test_a_model_that_answers_with_nothing_scores_nothing(policy, places):
    backend = Scripted(gemma_270m=failed("malformed", code="empty_message"))
    record(policy, **places, backend=backend, progress=False)
    rows = Outcomes.read(places["out"]).frame.set_index(["query_id", "deployment"])
    row = rows.loc[("sum", "gemma-270m")]
    assert (row["score"], row["response"], row["reason"]) == (0.0, "", "the answer is empty")
    assert row["tokens_source"] == "estimated_chars4"


@pytest.mark.parametrize("failure", ["connect", "auth", "not_found", "quota"])
def test_a_failure_that_every_prompt_would_meet_stops_the_recording(policy, places, failure):
    backend = Scripted(qwen_coder_0_5b=failed(failure))
    with pytest.raises(BenchError, match=r"stopped at qwen-coder-0\.5b"):
        record(policy, **places, backend=backend, progress=False)
    kept = [entry.deployment for entry in read_journal(places["journal"]).values()]
    assert kept == ["qwen-coder-1.5b"]


def test_deployments_can_be_chosen(policy, places):
    backend = Scripted()
    count = record(policy, **places, backend=backend, progress=False, deployments=["gemma-270m"])
    assert count == 2
    assert {deployment for deployment, _ in backend.asked} == {"gemma-270m"}


def test_a_mended_scorer_is_applied_without_asking(policy, places):
    record(policy, **places, backend=Scripted(), progress=False)
    places["prompts"].write_text(PROMPTS.replace("expected: 2", "expected: 3"))
    assert rescore(policy, **places) == 6
    frame = Outcomes.read(places["out"]).frame
    assert (frame.loc[frame["query_id"] == "sum", "score"] == 0.0).all()


def test_a_changed_prompt_is_asked_again_and_the_others_are_not(policy, places):
    record(policy, **places, backend=Scripted(), progress=False)
    places["prompts"].write_text(PROMPTS.replace("1 + 1", "one plus one"))
    again = Scripted()
    record(policy, **places, backend=again, progress=False)
    assert {text for _, text in again.asked} == {"What is one plus one?"}


def test_nothing_recorded_is_told_and_leaves_the_table_alone(policy, places):
    places["out"].write_bytes(b"the last good one")
    with pytest.raises(BenchError, match="no answer"):
        rescore(policy, **places)
    assert places["out"].read_bytes() == b"the last good one"


def test_a_line_torn_by_a_crash_is_cut_off_and_the_rest_kept(policy, places):
    record(policy, **places, backend=Scripted(), progress=False)
    whole = places["journal"].read_bytes()
    places["journal"].write_bytes(whole[:-20])
    again = Scripted()
    record(policy, **places, backend=again, progress=False)
    # one call to warm up, one for the line that was torn
    assert len(again.asked) == 2
    assert len(places["journal"].read_bytes().splitlines()) == 6


def test_a_line_that_is_no_entry_is_named(policy, places):
    places["journal"].write_text('{"prompt_id": "sum"}\n')
    with pytest.raises(BenchError, match=r"journal\.jsonl:1"):
        record(policy, **places, backend=Scripted(), progress=False)


def test_two_recordings_do_not_write_one_journal(places):
    with (
        Journal(places["journal"]),
        pytest.raises(BenchError, match="another recording"),
        Journal(places["journal"]),
    ):
        pass


def test_an_entry_comes_back_as_it_went(places):
    entry = Entry(
        prompt_id="p", digest="d", settings="s", deployment="x", model="m", served_as="m",
        at=datetime(2026, 11, 23, 4, tzinfo=UTC), seconds=1.5, text="line\nü\ud800",
        usage=Usage(input_tokens=3, status=UsageStatus.ESTIMATED), dropped=("seed",),
    )  # fmt: skip
    with Journal(places["journal"]) as book:
        book.append(entry)
    assert read_journal(places["journal"]) == {entry.key: entry}


def test_kill_9_loses_nothing_that_was_appended(places):
    code = f"""
import os, signal
from datetime import UTC, datetime
from pathlib import Path
from orchestra_kit.bench.journal import Entry, Journal
book = Journal(Path({str(places["journal"])!r}))
for number in range(5):
    book.append(Entry(prompt_id=str(number), digest=str(number), settings="s", deployment="x",
        model="m", served_as="m", at=datetime.now(UTC), seconds=1.0, text="t"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    died = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), check=False)
    assert died.returncode == -signal.SIGKILL
    assert [e.prompt_id for e in read_journal(places["journal"]).values()] == list("01234")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("id: mood", "id: sum", "2 prompts with the id “sum”"),
        ("Is it good or bad?", "What is 1 + 1?", "2 prompts with the text"),
        ("name: number", "name: taste", "prompts.0.scorer"),
        ("expected: 2", "expected: two", "expected"),
        ("dataset: little\n", "", "dataset"),
    ],
)
def test_a_file_of_prompts_that_is_wrong_is_told(places, old, new, why):
    places["prompts"].write_text(PROMPTS.replace(old, new))
    with pytest.raises(SuiteError, match=why):
        Prompts.load(places["prompts"])


def test_the_shipped_prompts_are_twenty_in_each_of_six_tasks():
    shipped = Prompts.load(ROOT / "examples" / "recorded" / "prompts.yaml").prompts
    counted: dict[str, int] = {}
    for prompt in shipped:
        counted[prompt.task] = counted.get(prompt.task, 0) + 1
    assert counted == dict.fromkeys(
        ("arithmetic", "sentiment", "extraction", "code", "summary", "instructions"), 20
    )
    sources = [p.prompt.split("Text: ")[1] for p in shipped if p.task == "summary"]
    assert all(80 <= len(source.split()) <= 150 for source in sources)
