"""Sixty strings that would act, in every place of a page where a text can stand."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from orchestra_kit.analytics.week import Week
from orchestra_kit.reporting import blocks
from orchestra_kit.reporting.exporter import Page, page_html
from orchestra_kit.reporting.sections import safe_html
from orchestra_kit.reporting.weekly import open_weekly
from tests.analytics.synthetic import WEEK, run_row, write
from tests.reporting.hostile import HOSTILE
from tests.reporting.pages import POLICY, live_parts, page_of, text_of

START = int(WEEK.period.starts.timestamp()) * 1_000_000
MINUTE = 60_000_000


def poison(path):
    """A store whose every text is hostile, each string in turn in each place."""
    texts = [text.replace("\x00", "") for text in HOSTILE]
    requests, attempts, notices = [], [], []
    for i in range(len(texts) * 3):
        text = texts[i % len(texts)]
        at = START + i * MINUTE
        common = {"run_id": text_run, "source": "simulated", "at": at, "model": text,
                  "deployment": text, "cost": 10_000_000, "cost_upper": 0}  # fmt: skip
        requests.append({
            **common, "id": f"r{i}", "task": text, "tier": text, "user": text, "feature": text,
            "session": text, "rule": text, "message": text, "status": "answered",
            "policy_hash": text, "chain_tier": i % 3, "seconds": 1.0, "quality": 0.5,
        })  # fmt: skip
        attempts.append({
            **common, "id": f"a{i}", "request_id": f"r{i}", "number": 0, "state": "done",
            "outcome": "failed" if i % 2 else "answered", "failure": text, "message": text,
        })  # fmt: skip
        notices.append({**common, "severity": text, "kind": text, "message": text})
    write(
        path,
        runs=[run_row(text_run, "service", "simulated"), suite_row(texts)],
        requests=requests,
        attempts=attempts,
        notices=notices,
        cells=[cell(i, text) for i, text in enumerate(texts)],
    )


text_run = "<script>alert('run')</script>"


def suite_row(texts):
    scenarios = [
        {"id": f"s{i}", "is": text[:290] or "x", "request": {"text": text[:500], "tier": "basic"}}
        for i, text in enumerate(texts)
    ]
    suite = {"suite": "hostile", "policy": "orchestra.yaml", "scenarios": scenarios}
    return run_row("suite", "suite", "simulated") | {
        "parameters": json.dumps({"epochs": 1, "suite": suite})
    }


def cell(i, text):
    result = {
        "scenario": f"s{i}", "epoch": 0, "digest": text[:64], "seed": 1, "source": "simulated",
        "outcome": "answered", "task": text, "rule": text, "route": [text], "attempts": 1,
        "failures": [text], "model": text, "unscored": text, "missed": [text],
        "error": text if i % 2 else "", "cost_upper": "0",
    }  # fmt: skip
    return {
        "run_id": "suite", "scenario": f"s{i}", "epoch": 0, "source": "simulated", "passed": False,
        "result": json.dumps(result),
    }  # fmt: skip


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store.db"
    poison(path)
    report = open_weekly(store=str(path), policy=str(POLICY), week=WEEK.label)
    return page_of(report)


def test_nothing_in_a_page_of_hostile_texts_is_live(poisoned):
    assert live_parts(poisoned) == []


def test_hostile_texts_are_shown_as_text(poisoned):
    text = text_of(poisoned)
    assert "<script>alert(1)</script>" in text
    assert "<img src=x onerror=alert(1)>" in text
    assert "{{ 7 * 7 }}" in text
    assert "49" not in text.split("Scenario suite")[0].split("{{")[-1][:20]


def test_characters_that_deceive_the_eye_are_taken_out(poisoned):
    for character in ("\u202e", "\u2066", "\u200b", "\x1b", "\x07", "\x01"):
        assert character not in poisoned


def test_a_very_long_text_is_folded(poisoned):
    assert "A" * 1000 not in poisoned
    assert "(100,000 characters)" in text_of(poisoned)


def test_a_page_keeps_its_one_heading_and_its_landmarks(poisoned):
    assert poisoned.count("<h1>") == 1
    assert poisoned.count("<main ") == 1
    assert poisoned.count("<!--periods-->") == 1


PAGE = Page(
    title="t", eyebrow="e", heading="h", period="p", source="s", status="st", tone="bad", reason="r"
)


@pytest.mark.parametrize("text", HOSTILE)
def test_each_block_escapes_each_text(text):
    pieces = [
        blocks.table([blocks.Column(text)], [[text]], caption=text),
        blocks.note(text),
        blocks.folded(text, blocks.note(text)),
        blocks.definitions({text: text}),
        blocks.table(
            [blocks.Column("a")],
            [[blocks.badge(text, "bad")], [blocks.small(text, text)]],
            caption="c",
        ),
    ]
    html = str(blocks.joined(*pieces).html)
    assert live_parts(html) == []
    assert str(safe_html(html)).count("<table>") == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_the_second_wall_stops_what_was_never_escaped(text):
    assert live_parts(f"<main>{safe_html(text)}</main>") == []


@pytest.mark.parametrize("text", HOSTILE)
def test_index_and_error_page_escape_each_text(text):
    head = Page(**dict.fromkeys(Page.__dataclass_fields__, text))
    failure = page_html("failure.html.j2", page=head, cause=text, last_good="", command=text)
    entry = dict.fromkeys(
        ("period", "dates", "status", "tone", "headline", "requests", "source"), text
    )
    index = page_html(
        "index.html.j2",
        page=head,
        entries=[{**entry, "page": "weekly-2026-W47.html", "failure": ""}],
    )
    assert live_parts(failure) == []
    assert live_parts(index) == []


def test_the_week_is_the_one_that_was_poisoned():
    assert Week.of(datetime.fromtimestamp(START / 1e6, UTC)) == WEEK


def test_the_search_for_live_parts_finds_them():
    found = [text for text in HOSTILE if live_parts(f"<main>{text}</main>")]
    assert len(found) >= 35
