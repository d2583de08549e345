"""A small policy on disk that a test can change, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestra_kit.core.errors import ConfigError, Problem
from orchestra_kit.policy.policy import Policy

POLICY = """\
policy: small
confidence_floor: 0.75
deadline: 60s
tiers:
  fast: {quality: 0.2, cost: 0.7, latency: 0.4}
  best: {quality: 1.0, cost: 0.1, latency: 0.2}
tasks:
  letter:
    is: a letter
    examples: letter.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.05}
    value: {fast: $0.10, best: $1.00}
    quality_floor: 0.5
    chain:
      - {use: alpha, timeout: 20s}
      - {use: beta, timeout: 20s}
    then: {queue: later, say: "Please wait.", tell: ops}
  picture:
    is: a picture
    makes: image
    examples: picture.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.05}
    value: {fast: $0.10, best: $1.00}
    quality_floor: 0.5
    chain:
      - {use: gamma, timeout: 20s}
      - {use: delta, timeout: 20s}
    then: {say: "No pictures now."}
models:
  alpha-1: {context_window: 100000}
  beta-1: {context_window: 100000}
  gamma-1: {makes: image}
  delta-1: {makes: image}
  alpha-0: {retired: 2026-01-31, successor: alpha}
deployments:
  alpha: {provider: openai, model: alpha-1, key: env:ALPHA}
  beta: {provider: anthropic, model: beta-1, key: env:BETA}
  gamma: {provider: stability, model: gamma-1, key: env:GAMMA}
  delta: {provider: openai, model: delta-1, key: env:ALPHA}
rules:
  - {name: unsure, when: confidence < 0.75, review: true, because: a person decides when in doubt}
  - {name: long, when: 'task == "letter" && words > 500', use: beta, because: it keeps the thread}
  - {name: letter, when: task == "letter", use: alpha, because: alpha is quick and good}
  - {name: picture, when: task == "picture", use: gamma, because: gamma paints best of all}
budgets:
  - {name: month, limit: $100, per: month}
"""
PRICES = """\
models:
  alpha-1: [{from: 2026-10-01, input: $1, output: $2, says: list price}]
  beta-1: [{from: 2026-10-01, input: $1, output: $2, says: list price}]
  gamma-1: [{from: 2026-10-01, image: $0.04, says: list price}]
  delta-1: [{from: 2026-10-01, image: $0.02, says: list price}]
"""
CAPABILITIES = """\
source: simulated
measured: 2026-11-01
how: by hand
cells:
  alpha: {letter: {quality: 0.8, quality_low: 0.7, quality_high: 0.9, p50: 4, p95: 9, n: 50}}
  beta: {letter: {quality: 0.9, quality_low: 0.8, quality_high: 0.95, p50: 6, p95: 12, n: 50}}
  gamma: {picture: {quality: 0.8, quality_low: 0.7, quality_high: 0.9, p50: 4, p95: 9, n: 50}}
  delta: {picture: {quality: 0.7, quality_low: 0.6, quality_high: 0.8, p50: 3, p95: 6, n: 50}}
"""


@dataclass
class PolicyFolder:
    """The folder of the small policy."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "orchestra.yaml"

    def change(self, old: str, new: str, file: str = "orchestra.yaml") -> PolicyFolder:
        """Replace a text that stands there exactly once."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        path.write_text(text.replace(old, new), "utf-8")
        return self

    def write(self, text: str | bytes, file: str = "orchestra.yaml") -> PolicyFolder:
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        (self.folder / file).write_bytes(raw)
        return self

    def load(self) -> Policy:
        return Policy.load(self.path)

    def problems(self) -> tuple[Problem, ...]:
        """What loading complains about; fails where it does not."""
        with pytest.raises(ConfigError) as caught:
            self.load()
        return caught.value.problems

    def told(self) -> list[tuple[int, str, str]]:
        """Line, key and message of every problem."""
        return [(p.line, p.path, p.message) for p in self.problems()]


@pytest.fixture
def small(tmp_path: Path) -> PolicyFolder:
    """A sound policy of two tasks."""
    folder = PolicyFolder(tmp_path)
    folder.write(POLICY)
    folder.write(POLICY, "sound.yaml")
    folder.write(PRICES, "prices.yaml")
    folder.write(CAPABILITIES, "capabilities.yaml")
    people = ("bank", "aunt", "landlord", "dentist", "mayor", "editor", "tailor", "coach")
    verbs = ("thank", "remind", "invite")
    letters = [f"Write to the {p} to {v} them kindly" for p in people for v in verbs]
    animals = ("fox", "owl", "cat", "bear", "crow", "hare", "toad", "swan")
    pictures = [f"Paint a {a} {d}" for a in animals for d in ("asleep", "at sea", "in snow")]
    folder.write("# letters\n\n" + "\n".join(letters), "letter.txt")
    folder.write("\n".join(pictures), "picture.txt")
    return folder
