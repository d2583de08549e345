"""A small service whose policy leaves part of its choices to chance, and another policy for it."""

from __future__ import annotations

from pathlib import Path
from random import Random

from orchestra_kit.core.answer import Answer, Score, Usage
from orchestra_kit.core.ids import stable_seed
from orchestra_kit.policy.policy import Policy
from orchestra_kit.store.store import Store
from tests.engine.small import POLICY, an_orchestra, write_policy

LETTERS = """\
rules:
  - name: letters
    when: task == "letter"
    use: [first, second, third]
    because: all three write them well
"""
BY_LENGTH = """\
rules:
  - name: long letters
    when: task == "letter" && words > 500
    use: second
    because: it keeps the thread
  - name: short letters
    when: task == "letter"
    use: third
    because: anybody writes a short one
"""
GOOD = {"first": (0.85, 0.80), "second": (0.75, 0.90), "third": (0.85, 0.60)}
"""Mean quality of short and of long letters."""


def a_policy(folder: Path, rules: str, *, adapts: bool) -> Policy:
    """The small policy with other rules, without budgets."""
    folder.mkdir(exist_ok=True)
    write_policy(folder)
    text = POLICY[: POLICY.index("budgets:")] + rules
    if adapts:
        text = text.replace(
            "    is: a letter\n",
            "    is: a letter\n    adapt: {within: 0.5, floor: 0.1, half_life: 10m}\n",
        )
    (folder / "orchestra.yaml").write_text(text, encoding="utf-8")
    return Policy.load(folder)


def writer(name):
    """A deployment whose answer to a text is always the same, and sometimes late."""

    async def write(call, clock):
        random = Random(stable_seed(name, call.text))
        late = name == "second" and random.random() < 0.3
        await clock.sleep(11.0 if late else 2.0)
        mean = GOOD[name]["900 words" in call.text]
        return Answer(
            text=f"by {name}",
            model=call.model,
            usage=Usage(input_tokens=10, output_tokens=100),
            score=Score(value=min(1.0, max(0.5, random.gauss(mean, 0.05))), scorer="test"),
        )

    return write


def texts(n):
    """Letters, a third of them long."""
    return [
        f"Write a letter of {900 if k % 3 == 0 else 100} words about tea number {k}"
        for k in range(n)
    ]


def serve(policy: Policy, n: int, store: Store | None = None, seed: int = 7):
    """The replies of an engine to the letters, two of each session."""
    with an_orchestra(policy, store=store, seed=seed) as orchestra:
        orchestra._backend.doings.update({name: writer(name) for name in GOOD})
        return [
            orchestra.run_sync(text, tier="best", task="letter", session=f"s{k // 2}")
            for k, text in enumerate(texts(n))
        ]
