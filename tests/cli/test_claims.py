"""``orchestra outcomes claims``: what it prints and how it ends."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two models at sixty prompts."""
    random = np.random.default_rng(5)
    rows = [
        {
            "dataset": "d", "query_id": f"q{q}", "task": ("sum", "poem")[q % 2],
            "prompt": f"prompt {q}", "model": model, "score": float(random.random() < chance),
            "input_tokens": 5.0, "output_tokens": 5.0, "tokens_source": "recorded",
            "cost_usd": price, "cost_source": "recorded", "latency_s": 1.0,
            "answer": None, "response": "an answer",
        }
        for q in range(60)
        for model, chance, price in (("small", 0.5, 0.001), ("large", 0.9, 0.01))
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("claims") / "two.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_claims_are_told_with_data_and_verdict(orchestra, table):
    ended = orchestra("outcomes", "claims", table, "--requests", "0", "--json")
    assert ended.status == 0, ended.out + ended.err
    found = json.loads(ended.out)
    assert len(found["entries"]) == 15
    assert {entry["data"]["name"] for entry in found["entries"]} == {"two", "none"}
    assert "by prompt hash" in found["entries"][0]["data"]["split"]


def test_a_table_that_is_not_there_is_one_sentence(orchestra):
    ended = orchestra("outcomes", "claims", "absent.parquet")
    assert ended.status == 2
    assert "absent.parquet" in ended.err
    assert "Traceback" not in ended.err
