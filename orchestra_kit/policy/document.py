"""YAML that a person wrote, read strictly, with the line of every key kept.

What PyYAML's own loader would let pass is refused or read as YAML 1.2 has it: duplicate keys and
aliases are errors, ``on`` and ``no`` are text, ``1:30`` is text and ``010`` is ten. A file is at
most 1 MB and 32 levels deep.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from orchestra_kit.core.errors import ConfigError, Problem

__all__ = ["Document", "KeyPath", "read_document"]

KeyPath: TypeAlias = tuple[str | int, ...]

_LARGEST = 1_000_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast
_DEEPEST = 32
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_TOO_DEEP = ("the file is nested too deeply.", f"At most {_DEEPEST} levels.")
_SAYINGS = (
    ("undefined alias", "an alias has no anchor.", "Write the value out."),
    ("duplicate anchor", "two anchors have one name.", "Remove both: aliases are refused as well."),
    ("another document", "the file holds more than one document.", "Remove the line “---”."),
    ("nesting depth", *_TOO_DEEP),
)
"""What libyaml and PyYAML say of a text that they cannot read, and how it is told."""


@dataclass(frozen=True)
class Document:
    """The content of a YAML file and the line on which each key or item stands."""

    file: str
    data: Any
    lines: dict[KeyPath, int] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    """Faults found while reading that do not hinder looking for more."""

    def line(self, path: KeyPath) -> int:
        """1-based line of a key; of its nearest parent where the key is absent."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, message: str, hint: str = "") -> Problem:
        """A fault at a key."""
        return Problem(self.file, self.line(path), dotted(path), message, hint)


def dotted(path: KeyPath) -> str:
    """``("tasks", "article", "chain", 0)`` as ``tasks.article.chain.0``."""
    return ".".join(str(part) for part in path)


def read_document(path: Path | str, *, error: type[ConfigError] = ConfigError) -> Document:
    """Read a YAML file; raises `error` when it cannot be read at all."""
    path = Path(path)
    shown = str(path)

    def refuse(message: str, hint: str, line: int = 0) -> ConfigError:
        return error(Problem(shown, line, "", message, hint))

    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise refuse("there is no such file.", "Check the path.") from None
    except OSError as fault:
        raise refuse(f"the file cannot be read ({fault.strerror}).", "Check its rights.") from None
    if len(raw) > _LARGEST:
        raise refuse("the file is larger than 1 MB.", "Split it.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        raise refuse("the file is not UTF-8 text.", "Save it as UTF-8.", line) from None
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise refuse(*_said_of(fault), mark.line + 1 if mark else 0) from None
    except yaml.YAMLError:
        raise refuse("the file holds characters that YAML forbids.", "Remove them.") from None
    except RecursionError:  # by PyYAML's own parser
        raise refuse(*_TOO_DEEP) from None
    if node is None:
        raise refuse("the file is empty.", "Write a policy, or start from `orchestra init`.")
    builder = _Builder(shown)
    data = builder.build(node, ())
    return Document(shown, data, builder.lines, tuple(builder.problems))


def _said_of(fault: yaml.MarkedYAMLError) -> tuple[str, str]:
    """What is wrong with a text, and how to mend it."""
    what = (fault.problem or "the text is not YAML").replace("%", "")
    for words, message, hint in _SAYINGS:
        if words in f"{fault.context} {what}":
            return message, hint
    return f"this is not valid YAML: {what}.", "Check the indentation, the colons and the quotes."


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > _DEEPEST:
            self._fault(line, path, "is nested too deeply.", f"At most {_DEEPEST} levels.")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path, line)
        if id(node) in self._seen:
            self._fault(line, path, "uses an alias (*name).", "Write the value out.")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        assert isinstance(node, yaml.MappingNode)
        return self._mapping(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(line, path, "has a key that is not text.", "Use plain text as a key.")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key == "<<":
                self._fault(line, here, "merges another mapping.", "Write the keys out.")
                continue
            if key in result:
                first = self.lines[here]
                self._fault(
                    line, here, f"stands twice (first on line {first}).", "Keep one of the two."
                )
                continue
            self.lines[here] = line
            result[key] = self.build(value_node, here)
        return result

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath, line: int) -> Any:
        text = str(node.value)
        if node.style or (node.tag.startswith("!") and node.tag != "!"):
            return text
        if text in _NULLS:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INT.fullmatch(text):
            if len(text) > 300:
                self._fault(line, path, "is a number of more than 300 digits.", "Shorten it.")
                return None
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
            self._fault(line, path, "is too large a number.", "Use a finite number.")
            return None
        return text

    def _fault(self, line: int, path: KeyPath, message: str, hint: str) -> None:
        self.problems.append(Problem(self.file, line, dotted(path), message, hint))
