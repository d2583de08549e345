"""Sentence embeddings, where somebody installed them: an optional part that is handed in."""

from __future__ import annotations

from typing import Protocol

from orchestra_kit.outcomes.predictors.predictor import Floats, Texts

__all__ = ["Encoder"]


class Encoder(Protocol):
    """Something that makes numbers of sentences."""

    @property
    def id(self) -> str:
        """Which model, at which length of text: embeddings of two ids do not compare."""
        ...

    def encode(self, prompts: Texts) -> Floats:
        """(n, d), each row of length 1."""
        ...
