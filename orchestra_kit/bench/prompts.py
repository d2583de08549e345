"""Prompts to be recorded, each with the scorer that judges what is answered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestra_kit.bench.scorers import ScorerSpec
from orchestra_kit.core.errors import SuiteError
from orchestra_kit.core.ids import content_hash
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.reading import read_as
from orchestra_kit.policy.schema import Name, _Strict

__all__ = ["Level", "Prompt", "Prompts"]

Level = Literal["easy", "medium", "hard"]


class Prompt(_Strict):
    """One prompt and how its answers are judged."""

    id: Name
    task: Name
    level: Level | None = None
    """How hard its author thought it."""
    prompt: Annotated[str, Field(min_length=1, max_length=100_000)]
    scorer: ScorerSpec

    @property
    def digest(self) -> str:
        """What tells this prompt's text from any other's; its scorer may change without it."""
        return content_hash(self.prompt)


class Prompts(_Strict):
    """A file of prompts."""

    dataset: Name
    """What the recorded rows are called."""
    note: str = ""
    prompts: Annotated[tuple[Prompt, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _are_different(self) -> Prompts:
        for kind, values in (
            ("id", [prompt.id for prompt in self.prompts]),
            ("text", [prompt.prompt for prompt in self.prompts]),
        ):
            value, times = Counter(values).most_common(1)[0]
            if times > 1:
                raise ValueError(f"has {times} prompts with the {kind} “{value[:60]}”")
        return self

    @classmethod
    def load(cls, path: Path | str) -> Prompts:
        """Read the file; raises SuiteError with every fault in it."""
        return read_as(cls, read_document(path, error=SuiteError), SuiteError)
