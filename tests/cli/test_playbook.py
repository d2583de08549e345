"""``orchestra playbook``: the table, the JSON, and the page in the documentation."""

from __future__ import annotations

import json
from pathlib import Path

from orchestra_kit.engine.playbook import PLAYBOOK

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_shows_all_twenty(orchestra):
    ended = orchestra("playbook")
    assert ended.status == 0
    for entry in PLAYBOOK:
        assert f"\n{entry.name} " in ended.out


def test_the_json_holds_what_the_entries_hold(orchestra):
    told = json.loads(orchestra("playbook", "--json").out)
    assert [entry["name"] for entry in told] == [entry.name for entry in PLAYBOOK]
    timeout = next(entry for entry in told if entry["name"] == "no answer in time")
    assert timeout["retry"] == "none"
    assert timeout["detects"]["failures"] == ["timeout", "cancelled"]
    assert timeout["told_when"] == "its breaker opens"


def test_the_page_in_the_documentation_is_what_the_command_prints(orchestra):
    printed = orchestra("playbook", "--markdown").out
    assert (ROOT / "docs" / "playbook.md").read_text("utf-8") == printed, (
        "print it again: orchestra playbook --markdown > docs/playbook.md"
    )
