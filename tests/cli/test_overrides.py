"""``orchestra override`` and ``changes``: what each prints, keeps, and refuses."""

from __future__ import annotations

import json

import pytest

from orchestra_kit.store.store import Store


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "store.db"
    Store.open(path, durable=False).close()
    return path


def add(orchestra, place, *more, use="claude-sonnet"):
    return orchestra(
        "override", "add", "--store", place, "--use", use, "--for", "2h",
        "--because", "the first is slow", "--by", "ann", *more,
    )  # fmt: skip


def test_one_is_made_listed_ended_and_in_the_journal(orchestra, place):
    made = add(orchestra, place, "--task", "article", "--tier", "premium", "--json")
    assert made.status == 0, made.err
    told = json.loads(made.out)
    assert (told["use"], told["task"], told["tier"]) == ("claude-sonnet", "article", "premium")
    listed = orchestra("override", "list", "--store", place)
    assert told["id"] in listed.out
    assert "Overrides in force: 1" in listed.out
    ended = orchestra("override", "end", told["id"], "--store", place, "--by", "bob")
    assert ended.status == 0, ended.err
    assert "the rules decide requests for article of the premium tier again" in ended.out
    assert json.loads(orchestra("override", "list", "--store", place, "--json").out) == []
    journal = json.loads(orchestra("changes", "--store", place, "--json").out)
    assert [(c["kind"], c["by"]) for c in journal] == [
        ("override", "ann"),
        ("override_ended", "bob"),
    ]


def test_what_was_made_is_said_in_a_sentence(orchestra, place):
    made = add(orchestra, place)
    assert "all requests go to claude-sonnet first until" in made.out
    assert "the first is slow" in orchestra("changes", "--store", place).out


def test_the_journal_begins_where_it_is_asked_to(orchestra, place):
    add(orchestra, place)
    later = orchestra("changes", "--store", place, "--from", "2100-01-01", "--json")
    assert json.loads(later.out) == []
    wrong = orchestra("changes", "--store", place, "--from", "tomorrow")
    assert wrong.status == 2
    assert "--from “tomorrow”" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--for", "soon"), "--for “soon” is not a duration"),
        (("--because", "  "), "needs a reason"),
        (("--task", "artcle"), "Did you mean “article”"),
        (("--use", "claude-sonet"), "Did you mean “claude-sonnet”"),
        (("--tier", "gold"), "no tier “gold”"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(orchestra, place, arguments, said):
    ended = add(orchestra, place, *arguments)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert json.loads(orchestra("changes", "--store", place, "--json").out) == []


def test_an_unknown_one_cannot_be_ended(orchestra, place):
    ended = orchestra("override", "end", "ovr_x", "--store", place, "--by", "bob")
    assert ended.status == 2
    assert "No override “ovr_x” is in force." in ended.err


def test_a_store_is_not_made_by_a_slip_of_the_pen(orchestra, tmp_path):
    ended = add(orchestra, tmp_path / "nowhere.db")
    assert ended.status == 2
    assert not (tmp_path / "nowhere.db").exists()


def test_a_store_that_a_service_holds_says_where_to_go(orchestra, place):
    with Store.open(place, durable=False):
        ended = add(orchestra, place)
    assert ended.status == 2
    assert "in that service" in ended.err
