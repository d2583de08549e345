"""The small policy and its suite, in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra_kit.policy.policy import Policy
from tests.bench.little import CAPABILITIES, POLICY, PRICES, SUITE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small policy and its suite, in files."""
    files = {
        "orchestra.yaml": POLICY,
        "prices.yaml": PRICES,
        "capabilities.yaml": CAPABILITIES,
        "article.txt": "Write about tea\nWrite about salt\n",
        "picture.txt": "Draw a fox\n",
        "suite.yaml": SUITE,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def policy(folder: Path) -> Policy:
    """The small policy."""
    return Policy.load(folder / "orchestra.yaml")
