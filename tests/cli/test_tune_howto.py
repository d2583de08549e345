"""The page on tuning says what really happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "tune-a-policy.md"


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    for block in blocks:
        exec(block, names)
    said = capsys.readouterr().out
    assert len(blocks) == 2
    assert "cost down, quality at least 0.98 of today's" in said
    assert "$10: 0% of requests wait for approval" in said


def test_the_command_of_the_page_is_understood(orchestra) -> None:
    text = PAGE.read_text("utf-8").split("$ orchestra ")[1].split("```")[0]
    words = text.replace("\\", " ").split()
    words = [{"outcomes.parquet": "examples/recorded/outcomes.parquet",
              "orchestra.yaml": "examples/local"}.get(word, word) for word in words]  # fmt: skip
    ended = orchestra(*words)
    assert ended.status == 1
    assert "Not saved: no improvement is shown." in ended.out
