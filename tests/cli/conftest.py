"""The command as a person runs it, in this process: its arguments, status, output and errors."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

import pytest

from orchestra_kit.cli import main
from orchestra_kit.shipped import path


@dataclass
class Ended:
    status: int
    out: str
    err: str


@pytest.fixture
def orchestra(monkeypatch, capsys):
    """Run ``orchestra`` with arguments."""
    monkeypatch.delenv("ORCHESTRA_DEBUG", raising=False)

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["orchestra", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        else:
            status = 0
        captured = capsys.readouterr()
        return Ended(status, captured.out, captured.err)

    return run


@pytest.fixture
def contentforge(tmp_path):
    """A copy of the example that a test may spoil."""
    copy = tmp_path / "contentforge"
    shutil.copytree(path("examples/contentforge"), copy)
    return copy
