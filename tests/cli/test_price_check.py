"""``orchestra check --prices``: the price book beside a public list."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from orchestra_kit.shipped import path


def test_check_says_that_the_prices_agree(orchestra):
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    ended = orchestra("check", "--prices")
    assert ended.status == 0
    assert "The price book agrees with genai-prices." in ended.out
    assert "genai-prices" not in orchestra("check").out


def test_check_tells_a_price_that_differs(orchestra, tmp_path):
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    folder = shutil.copytree(path("examples/contentforge"), tmp_path / "contentforge")
    book = folder / "prices.yaml"
    text = book.read_text("utf-8")
    assert text.count("output: $60") == 1
    book.write_text(text.replace("output: $60", "output: $30"), "utf-8")
    ended = orchestra("check", folder, "--prices", "--json")
    told = [f for f in json.loads(ended.out)["findings"] if f["kind"] == "price cross-check"]
    assert [(f["severity"], f["where"]) for f in told] == [("warning", "prices.yaml models.gpt-4")]
    assert "(-50.0%)" in told[0]["message"]


def test_without_the_package_check_says_how_to_install_it(orchestra, monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)
    ended = orchestra("check", "--prices")
    assert ended.status == 2
    assert "pip install 'orchestra_kit[prices]'" in ended.err
    assert "Traceback" not in ended.err
