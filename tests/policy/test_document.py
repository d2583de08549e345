"""YAML is read strictly, and every key keeps its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.errors import ConfigError, PolicyError
from orchestra_kit.policy.document import Document, read_document


def read(tmp_path: Path, text: str | bytes) -> Document:
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_document(path)


def refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return str(caught.value)


def test_lines_are_those_of_keys_and_items(tmp_path: Path) -> None:
    document = read(tmp_path, "a: 1\nb:\n  - x\n  - c: 2\n")
    assert document.data == {"a": 1, "b": ["x", {"c": 2}]}
    assert document.line(("a",)) == 1
    assert document.line(("b", 0)) == 3
    assert document.line(("b", 1, "c")) == 4
    assert document.line(("b", 1, "absent")) == 4


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("on", "on"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("010", 10),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2026-10-23", "2026-10-23"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1e3", 1000.0),
        ("~", None),
        ("'12'", "12"),
        ("true", True),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(tmp_path: Path, written: str, means: object) -> None:
    assert read(tmp_path, f"a: {written}\n").data == {"a": means}


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    document = read(tmp_path, "a: 1\nb: 2\na: 3\n")
    (problem,) = document.problems
    assert (problem.line, problem.path) == (3, "a")
    assert "first on line 1" in problem.message


def test_an_alias_is_refused_without_being_expanded(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for previous, name in zip("abcdefg", "bcdefgh", strict=True):
        bomb += f"{name}: &{name} [{', '.join(['*' + previous] * 9)}]\n"
    document = read(tmp_path, bomb)
    assert document.problems
    assert all("alias" in problem.message for problem in document.problems)
    assert len(str(document.data)) < 10_000


def test_a_merge_key_is_refused(tmp_path: Path) -> None:
    document = read(tmp_path, "<<: {a: 1}\nb: 2\n")
    assert [p.message for p in document.problems] == ["merges another mapping."]


@pytest.mark.parametrize("depth", [40, 3000])
def test_deep_nesting_ends_in_one_sentence(tmp_path: Path, depth: int) -> None:
    text = "a: " + "[" * depth + "]" * depth + "\n"
    try:
        problems = read(tmp_path, text).problems
    except ConfigError as error:
        problems = error.problems
    assert [p.message for p in problems if "nested too deeply" in p.message]


def test_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    document = read(tmp_path, b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: 2\r\n")
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.line(("b", "c")) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"a: \xff\n", "not UTF-8"),
        (b"a: [1, 2\n", "not valid YAML"),
        (b"a: *nothing\n", "alias has no anchor"),
        (b"a: &x 1\nb: &x 2\n", "two anchors have one name"),
        (b"a: 1\n---\nb: 2\n", "more than one document"),
        (b"a: \x00\n", "characters that YAML forbids"),
        (b"a: 1\n" + b"#" * 1_000_001, "larger than 1 MB"),
        (b"a: " + b"9" * 400, ""),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    tmp_path: Path, text: bytes, words: str
) -> None:
    if words:
        assert words in refused(tmp_path, text)
    else:
        (problem,) = read(tmp_path, text).problems
        assert "more than 300 digits" in problem.message


def test_no_object_is_ever_built_from_a_tag(tmp_path: Path) -> None:
    document = read(
        tmp_path, "a: !!python/object/apply:os.system ['true']\nb: !!python/name:os x\n"
    )
    assert document.data == {"a": ["true"], "b": "x"}


def test_an_absent_file_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"absent\.yaml: there is no such file"):
        read_document(tmp_path / "absent.yaml", error=PolicyError)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document(tmp_path)


def read_or_told(path: Path) -> bool:
    """Whether the file is a document, or the refusal has words."""
    try:
        return isinstance(read_document(path), Document)
    except ConfigError as error:
        return bool(error.problems[0].message)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace")))
def test_any_bytes_give_a_document_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    assert read_or_told(path)
