"""Small tables of outcomes made up for tests: three models of different strength, six tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from orchestra_kit.outcomes.table import Outcomes

MODELS = {"small": 0.35, "middle": 0.65, "large": 0.85}
PRICE = {"small": 0.1, "middle": 0.3, "large": 1.0}
TASKS = ("arithmetic", "sentiment", "extraction", "code", "summary", "instructions")
WORDS = [
    "the",
    "of",
    "cost",
    "tea",
    "train",
    "minus",
    "plus",
    "code",
    "list",
    "sum",
    "price",
    "good",
]


def frame(*, queries: int = 20, seed: int = 3, graded: bool = False) -> pd.DataFrame:
    """One row a query and model; longer prompts are harder, which is what a signal can learn."""
    random = np.random.default_rng(seed)
    rows = []
    for task in TASKS:
        for number in range(queries):
            length = int(random.integers(3, 60))
            prompt = f"{task} {number}: " + " ".join(random.choice(WORDS, length))
            for model, strength in MODELS.items():
                # What is long is hard, the more so the weaker the model.
                slope = 1.4 - strength
                chance = float(np.clip(strength + slope * (0.35 - length / 85), 0.02, 0.98))
                score = float(random.random() < chance)
                if graded:
                    score = round((score + chance) / 2, 2)
                tokens = int(random.integers(10, 200))
                rows.append(
                    {
                        "dataset": "made_up", "query_id": f"{task}-{number:02d}", "task": task,
                        "prompt": prompt, "model": model, "score": score, "correct": score == 1,
                        "input_tokens": len(prompt) // 4, "output_tokens": tokens,
                        "tokens_source": "recorded", "cost_usd": tokens * PRICE[model] / 1e6,
                        "cost_source": "fictitious_list_price",
                        "latency_s": 0.2 + tokens * PRICE[model] / 50,
                        "answer": None, "response": " ".join(random.choice(WORDS, 8)),
                        "split": "train",
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def write(folder: Path, table: pd.DataFrame, name: str = "outcomes.parquet") -> Path:
    """The table as a Parquet file."""
    path = folder / name
    table.to_parquet(path)
    return path


def outcomes(folder: Path, **how: object) -> Outcomes:
    """The table, read back."""
    return Outcomes.read(write(folder, frame(**how)))
