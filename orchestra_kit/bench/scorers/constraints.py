"""Instructions whose keeping can be checked without judging the content."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestra_kit.bench.scorers.scorer import Scorer, folded, unfenced, word_count
from orchestra_kit.core.answer import Score
from orchestra_kit.policy.schema import Names
from orchestra_kit.routing.language import language_of

__all__ = ["Constraints"]

_BULLET = re.compile(r"[ \t]*[-*•][ \t]+\S")
_NUMBERED = re.compile(r"[ \t]*\d{1,2}[.)][ \t]+\S")
_SENTENCE_END = re.compile(r"[.!?]+(?=[\s\"'”’)*]|$)")
_WRAPPING = " \t\n\"'“”*_`"
"""What models put around an answer that should begin or end with certain words."""
_ENDINGS = ".!?,;: "
_Count = Annotated[int, Field(ge=0)]


class Constraints(Scorer):
    """The share of the constraints that the answer keeps; at least one must be set."""

    name: Literal["constraints"] = "constraints"
    min_words: _Count | None = None
    max_words: _Count | None = None
    words: _Count | None = None
    """Exactly so many."""
    sentences: _Count | None = None
    bullets: _Count | None = None
    """Lines that begin with a dash, a star or a dot."""
    numbered: _Count | None = None
    """Lines that begin with a number."""
    lines: _Count | None = None
    """Lines that are not blank."""
    words_a_line: _Count | None = None
    """Exactly so many in every line, without its bullet."""
    max_words_a_line: _Count | None = None
    include: Names = ()
    exclude: Names = ()
    starts_with: str | None = None
    ends_with: str | None = None
    """Punctuation after it counts only where it ends with punctuation itself."""
    initials: str | None = None
    """The first letters of the lines, from top to bottom."""
    lower_case: bool = False
    upper_case: bool = False
    no_commas: bool = False
    no_digits: bool = False
    json_keys: Names = ()
    """The answer is one JSON object with exactly these keys."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    """ISO 639-1."""

    @model_validator(mode="after")
    def _constrains(self) -> Constraints:
        if not list(self._checks("")):
            raise ValueError("sets no constraint")
        return self

    def _judge(self, answer: str) -> Score:
        checks = list(self._checks(answer))
        broken = [name for name, kept in checks if not kept]
        share = 1 - len(broken) / len(checks)
        return self._scored(share, f"breaks {', '.join(broken)}" if broken else "")

    def _checks(self, answer: str) -> Iterator[tuple[str, bool]]:
        yield from self._counts(answer)
        yield from self._wording(answer)
        if self.lower_case:
            yield "lower_case", answer == answer.lower()
        if self.upper_case:
            yield "upper_case", answer == answer.upper()
        if self.no_commas:
            yield "no_commas", "," not in answer
        if self.no_digits:
            yield "no_digits", not any(c.isdigit() for c in answer)
        if self.json_keys:
            yield "json_keys", _json_keys(answer) == set(self.json_keys)
        if self.language is not None:
            yield "language", _language(answer) == self.language

    def _counts(self, answer: str) -> Iterator[tuple[str, bool]]:
        words = word_count(answer)
        if self.min_words is not None:
            yield "min_words", words >= self.min_words
        if self.max_words is not None:
            yield "max_words", words <= self.max_words
        if self.words is not None:
            yield "words", words == self.words
        if self.sentences is not None:
            yield "sentences", _sentences(answer) == self.sentences
        lines = _lines(answer)
        if self.bullets is not None:
            yield "bullets", sum(bool(_BULLET.match(line)) for line in lines) == self.bullets
        if self.numbered is not None:
            yield "numbered", sum(bool(_NUMBERED.match(line)) for line in lines) == self.numbered
        if self.lines is not None:
            yield "lines", len(lines) == self.lines
        if self.words_a_line is not None:
            yield "words_a_line", {word_count(line) for line in lines} == {self.words_a_line}
        if self.max_words_a_line is not None:
            longest = max(map(word_count, lines), default=0)
            yield "max_words_a_line", longest <= self.max_words_a_line
        if self.initials is not None:
            initials = "".join(line.strip(_WRAPPING + "-")[:1] for line in lines)
            yield "initials", folded(initials) == folded(self.initials)

    def _wording(self, answer: str) -> Iterator[tuple[str, bool]]:
        text = folded(answer)
        bare = folded(answer.strip(_WRAPPING))
        for word in self.include:
            yield f"include {word}", _stands(word, text)
        for word in self.exclude:
            yield f"exclude {word}", not _stands(word, text)
        if self.starts_with is not None:
            yield "starts_with", bare.startswith(folded(self.starts_with))
        if self.ends_with is not None:
            end = folded(self.ends_with)
            loose = bare.rstrip(_ENDINGS) if end[-1:].isalnum() else bare
            yield "ends_with", loose.endswith(end)


def _lines(answer: str) -> list[str]:
    return [line for line in answer.splitlines() if line.strip()]


def _sentences(answer: str) -> int:
    return sum(any(c.isalnum() for c in part) for part in _SENTENCE_END.split(answer))


def _language(answer: str) -> str:
    text = answer.lower()
    return language_of(text, re.findall(r"[^\W\d_]+", text))


def _stands(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(folded(word))}(?!\w)", text) is not None


def _json_keys(answer: str) -> set[str] | None:
    """The keys of the answer, when it is one JSON object and nothing else."""
    blocks = unfenced(answer)
    try:
        value = json.loads(blocks[0] if blocks else answer)
    except (ValueError, RecursionError):
        return None
    return set(value) if isinstance(value, dict) else None
