"""The page on importing says what really happens."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "import-outcomes.md"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def test_the_page_on_importing_is_true(orchestra, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spend.jsonl").write_text(block("jsonl"))
    command, said = block("console").split("\n", 1)
    ended = orchestra(*command.removeprefix("$ orchestra ").split())
    assert ended.out.rstrip() == said.rstrip()
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried) == (0, 7)
