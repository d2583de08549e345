"""A policy with thresholds of every kind, over made-up outcomes of three of its four models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from orchestra_kit.outcomes.table import Outcomes
from orchestra_kit.policy.policy import Policy
from orchestra_kit.shipped import path
from tests.outcomes.synthetic import TASKS, frame, write

_NAMES = {
    "qwen2.5-coder-1.5b": "large",
    "qwen2.5-coder-0.5b": "middle",
    "gemma-3-270m": "small",
    "qwen-coder-1.5b": "strong",
    "qwen-coder-0.5b": "medium",
    "gemma-270m": "cheap",
}
_RULES = (
    ("long or hard", 'tier == "premium" && (tokens > 40 || complexity >= 22)', "use: strong"),
    ("short code", 'task == "code" && complexity < 12 && 30 >= tokens', "use: cheap"),
    ("unsure", "confidence < 0.4", "review: true"),
    ("gone", 'task == "extraction" && tokens > 60', "use: unseen"),
    (
        "by score",
        'task in ["summary", "sentiment"] || !(tokens <= 60)',
        "use: [strong, medium, cheap]",
    ),
    ("two", 'tier == "basic" && task == "instructions"', "use: [medium, cheap]"),
)
RULES = "rules:\n" + "".join(
    f"  - name: {name}\n    when: '{when}'\n    {does}\n    because: made up\n"
    for name, when, does in _RULES
)
CELLS = """\
source: recorded
measured: 2026-11-23
how: made up
cells:
"""


def text_of_policy() -> str:
    """The local example's policy with other names and rules."""
    text = (path("examples/local") / "orchestra.yaml").read_text("utf-8")
    for old, new in _NAMES.items():
        text = text.replace(old, new)
    head, rest = text.split("rules:\n", 1)
    head = head.replace("deployments:\n", "deployments:\n  unseen: {provider: openai, model: "
                        "unseen, key: none}\n")  # fmt: skip
    head = head.replace("\nmodels:\n", "\nmodels:\n  unseen: {maker: Somebody}\n")
    head = head.replace("never_for: [arithmetic, code, extraction]", "never_for: [extraction]")
    return head + RULES + "\nbudgets:\n" + rest.split("budgets:\n", 1)[1]


def policy_in(folder: Path, **changes: str) -> Policy:
    """The policy on disk; `changes` replaces texts in its file, by pairs ``old=new`` of lines."""
    shutil.copytree(path("examples/local"), folder, dirs_exist_ok=True)
    text = text_of_policy()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "orchestra.yaml").write_text(text, "utf-8")
    prices = (folder / "prices.yaml").read_text("utf-8")
    for old, new in _NAMES.items():
        prices = prices.replace(old, new)
    prices += "  unseen:\n    - {from: 2026-11-01, input: $0.10, output: $0.30, says: made up}\n"
    (folder / "prices.yaml").write_text(prices, "utf-8")
    (folder / "capabilities.yaml").write_text(CELLS + _cells(), "utf-8")
    return Policy.load(folder)


def _cells() -> str:
    tasks = ("arithmetic", "sentiment", "extraction", "code", "summary", "instructions")
    figures = {"strong": (0.8, 6, 50), "medium": (0.6, 3, 40), "cheap": (0.4, 1, 30),
               "unseen": (0.7, 2, 20)}  # fmt: skip
    lines = []
    for name, (quality, p50, tokens) in figures.items():
        lines.append(f"  {name}:")
        lines += [
            f"    {task}: {{quality: {quality}, quality_low: {quality}, quality_high: {quality}, "
            f"p50: {p50}, p95: {2 * p50}, output_tokens: {tokens}, n: 50}}"
            for task in tasks
        ]
    return "\n".join(lines) + "\n"


def made_up(folder: Path, *, queries: int = 12, seed: int = 3, graded: bool = True) -> Outcomes:
    """Outcomes whose prompts differ in length and in what they ask for; a few are empty."""
    table: pd.DataFrame = frame(queries=queries, seed=seed, graded=graded)
    hard = " Compare and analyse the sources, must include data, explain why; at least 3 examples."
    number = pd.factorize(table["query_id"])[0]
    lines = {
        task: (path("examples/local/tasks") / f"{task}.txt").read_text("utf-8").splitlines()[3:]
        for task in TASKS
    }
    table["prompt"] = [
        f"{lines[task][n % len(lines[task])]} ({n}){hard * (n % 3)}"
        for task, n in zip(table["task"], number, strict=True)
    ]
    blank = (number % 11 == 4) & (table["model"] == "middle")
    table.loc[blank, "response"] = ""
    table.loc[blank, "score"] = 0.0
    return Outcomes.read(write(folder, table))
