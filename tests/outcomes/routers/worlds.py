"""Made-up outcomes of which it is known what a good router finds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orchestra_kit.core.answer import Source
from orchestra_kit.outcomes.table import Outcomes

MODELS = ("small", "other", "large")
PRICES = (0.001, 0.001, 0.02)


def world(
    n: int = 600,
    seed: int = 5,
    *,
    answers: bool = True,
    priced: bool = True,
    responses: bool = False,
) -> Outcomes:
    """Sums, which every model can do, and riddles, which the large one mostly can.

    Two cheap models that are right give the same answer; wrong answers are all different. A wrong
    answer in full contains an equation that does not hold.
    """
    random = np.random.default_rng(seed)
    rows = []
    for q in range(n):
        hard = bool(random.random() < 0.5)
        word = "riddle of the sphinx" if hard else "sum of two numbers"
        chances = (0.25, 0.25, 0.85) if hard else (0.95, 0.95, 0.97)
        for model, price, chance in zip(MODELS, PRICES, chances, strict=True):
            right = bool(random.random() < chance)
            said = "right" if right else f"wrong {model} {random.integers(1000)}"
            rows.append(
                {
                    "dataset": "world", "query_id": f"q{q:04d}",
                    "task": "riddle" if hard else "sum", "prompt": f"{word} number {q}",
                    "model": model, "score": float(right), "input_tokens": 10.0,
                    "output_tokens": 20.0, "tokens_source": "recorded",
                    "cost_usd": price if priced else np.nan,
                    "cost_source": "recorded" if priced else None, "latency_s": 1.0,
                    "answer": said if answers else None,
                    "response": f"2 + 2 = {4 if right else 5}" if responses else None,
                    "split": "test" if q % 3 == 0 else "train",
                }
            )  # fmt: skip
    return Outcomes(pd.DataFrame(rows), ("world",), Source.SIMULATED)
