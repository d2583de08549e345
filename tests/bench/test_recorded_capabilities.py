"""A capability matrix read off recorded outcomes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from orchestra_kit.bench.recorded_capabilities import capabilities_from
from orchestra_kit.core.errors import BenchError
from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.capabilities import Capabilities
from orchestra_kit.policy.policy import Policy

ROOT = Path(__file__).parents[2]


@pytest.fixture
def policy() -> Policy:
    return Policy.load(ROOT / "examples" / "local")


def outcomes(folder: Path, scores: list[float | None], model: str = "qwen2.5-coder-1.5b"):
    rows = [
        {
            "dataset": "d", "query_id": f"q{i}", "task": "code", "prompt": f"p{i}",
            "model": model, "score": score, "input_tokens": 9.0, "output_tokens": 10.0 * i,
            "tokens_source": "recorded", "cost_usd": 0.1, "cost_source": "recorded",
            "latency_s": float(i + 1), "source": "recorded",
            "recorded_at": pd.Timestamp("2026-11-20T10:00Z"),
            "failure": None if score is not None else "timeout",
        }
        for i, score in enumerate(scores)
    ]  # fmt: skip
    pd.DataFrame(rows).astype({"score": float}).to_parquet(folder / "o.parquet")
    return Outcomes.read(folder / "o.parquet")


def test_a_cell_holds_mean_interval_quantiles_and_n(tmp_path, policy):
    measured = capabilities_from(outcomes(tmp_path, [1.0, 1.0, 0.0, 1.0, None]), policy)
    cell = measured.capabilities.cell("qwen-coder-1.5b", "code")
    assert cell is not None
    assert cell.quality == 0.75
    assert cell.quality_low < 0.75 < cell.quality_high
    assert (cell.p50, cell.p95, cell.n) == (3.0, 5.0, 4)
    assert cell.output_tokens == 20.0
    assert measured.failures == {"qwen-coder-1.5b": {"timeout": 1}}
    assert measured.capabilities.source == "recorded"
    assert measured.capabilities.measured.isoformat() == "2026-11-20"


def test_what_is_written_can_be_read_by_a_policy(tmp_path, policy):
    measured = capabilities_from(outcomes(tmp_path, [1.0, 0.5]), policy)
    measured.write(tmp_path / "capabilities.yaml")
    assert Capabilities.load(tmp_path / "capabilities.yaml") == measured.capabilities


def test_a_task_that_a_model_is_disqualified_for_has_no_cell(tmp_path, policy):
    found = outcomes(tmp_path, [0.0, 0.0], model="gemma-3-270m")
    with pytest.raises(BenchError, match="no model and task"):
        capabilities_from(found, policy)


def test_one_scored_answer_makes_no_cell(tmp_path, policy):
    with pytest.raises(BenchError):
        capabilities_from(outcomes(tmp_path, [None, None, 1.0]), policy)
    assert capabilities_from(outcomes(tmp_path, [None, 1.0, 1.0]), policy).capabilities.cells
