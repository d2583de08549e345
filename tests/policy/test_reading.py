"""All faults of a file are told at once, each with its line, its key and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from orchestra_kit.core.errors import ConfigError, PolicyError
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.reading import read_as


def test_the_small_policy_is_sound(small) -> None:
    policy = small.load()
    assert list(policy.tasks) == ["letter", "picture"]
    assert policy.resolve("alpha-0") == "alpha"


def test_a_misspelt_key_is_told_with_the_nearest_one(small) -> None:
    small.change("    quality_floor: 0.5\n    chain:\n      - {use: alpha",
                 "    qualty_floor: 0.5\n    chain:\n      - {use: alpha")  # fmt: skip
    problems = {p.path: p for p in small.problems()}
    assert problems["tasks.letter.qualty_floor"].line == 13
    assert "quality_floor" in problems["tasks.letter.qualty_floor"].hint
    assert problems["tasks.letter.quality_floor"].message == "is missing."


def test_all_faults_are_told_at_once_with_their_lines(small) -> None:
    small.change("confidence_floor: 0.75", "confidence_floor: 1.75")
    small.change("deadline: 60s", "deadline: soon")
    small.change("  fast: {quality: 0.2, cost", "  fast: {quality: nan, cost")
    small.change("{use: beta, timeout: 20s}", "{use: betta, timeout: 20s}")
    small.change("words > 500", "wordz > 500")
    small.change("key: env:GAMMA", "key: sk-123456")
    small.change("limit: $100", "limit: lots")
    told = small.told()
    assert [line for line, _, _ in told] == sorted(line for line, _, _ in told)
    assert [(line, path) for line, path, _ in told] == [
        (2, "confidence_floor"),
        (3, "deadline"),
        (5, "tiers.fast.quality"),
        (16, "tasks.letter.chain.1.use"),
        (38, "deployments.gamma.key"),
        (42, "rules.1.when"),
        (46, "budgets.0.limit"),
    ]
    said = {path: message for _, path, message in told}
    assert said["confidence_floor"] == "must be at most 1."
    assert "30s, 5m or 24h" in said["deadline"]
    assert said["tiers.fast.quality"] == "must be a finite number."
    assert "never hold the key itself" in said["deployments.gamma.key"]


def test_a_secret_in_the_file_is_not_repeated_in_the_error(small) -> None:
    small.change("key: env:BETA", "key: sk-very-secret")
    with pytest.raises(PolicyError) as caught:
        small.load()
    assert "sk-very-secret" not in str(caught.value)


def test_every_message_is_a_sentence_of_its_own(small) -> None:
    small.change("tiers:\n", "tears:\n").change("must: {quality: 0.8, p90_latency: 10s, cost: $0.05}\n    value: {fast: $0.10, best: $1.00}\n    quality_floor: 0.5\n    chain:\n      - {use: alpha", "must: 3\n    value: []\n    quality_floor: high\n    chain:\n      - {use: alpha")  # noqa: E501  # fmt: skip
    for problem in small.problems():
        assert problem.message.endswith(".")
        assert problem.line > 0 or problem.path == "tiers"


@pytest.mark.parametrize("value", [".nan", "nan", ".inf", "1e400", "-1", "true", "[1]", "'0.5 '"])
def test_a_number_that_is_none_is_refused(small, value: str) -> None:
    small.change("confidence_floor: 0.75", f"confidence_floor: {value}")
    if value == "'0.5 '":
        assert small.load().file.confidence_floor == 0.5
    else:
        assert [path for _, path, _ in small.told()] == ["confidence_floor"]


def test_a_duplicate_key_is_refused_although_the_rest_is_sound(small) -> None:
    small.change("deadline: 60s\n", "deadline: 60s\ndeadline: 70s\n")
    assert [(line, path) for line, path, _ in small.told()] == [(4, "deadline")]


def test_a_byte_order_mark_and_windows_line_ends_load(small) -> None:
    text = small.path.read_bytes()
    before = small.load().hash
    small.write(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert small.load().hash == before


def loaded_or_told(path: Path) -> bool:
    """Whether the file is a policy, or every one of its problems has words."""
    try:
        return isinstance(Policy.load(path), Policy)
    except ConfigError as error:
        return all(problem.message for problem in error.problems)


_PIECES = st.sampled_from(
    ["policy: x", "tasks:", "tiers: {a: {quality: 1, cost: 1, latency: 1}}", "rules: [{when: }]",
     "models:", "  a: {successor: a}", "deployments: []", "- ", "{", "]", "&a", "*a", "? [a]",
     "budgets: {}", "  letter: {chain: [{use: 1}], value: 3}", ": :", "confidence_floor: 1",
     "alerts: [{over: 1, under: 1}]", '"\\u0000"', "deployments: {a: {model: [x]}}",
     "models: {a: {successor: [b]}}",
     "\t", "é: 🦊", "!!binary x", "12: 13"]
)  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=12), max_size=12).map("\n".join))
def test_any_text_gives_a_policy_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-policy.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert loaded_or_told(path)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sound_policy_with_lines_lost_or_doubled_gives_a_policy_or_a_config_error(
    small, data: st.DataObject
) -> None:
    lines = (small.folder / "sound.yaml").read_text("utf-8").splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["lose", "double", "indent", "cut"]))
        line = lines[index]
        lines[index : index + 1] = {
            "lose": [],
            "double": [line, line],
            "indent": ["   " + line],
            "cut": [line[: len(line) // 2]],
        }[kind] or [""]
    small.write("\n".join(lines))
    assert loaded_or_told(small.path)


class _Dot(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Literal["dot"]
    size: int = 1


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Literal["line"]
    length: int = 1


class _Drawing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    shapes: tuple[Annotated[_Dot | _Line, Field(discriminator="name")], ...] = ()
    named: dict[str, _Line] = {}


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("shapes: [{name: line, lenght: 2}]", "shapes.0.lenght", "Did you mean “length”?"),
        ("shapes: [{name: dot, lenght: 2}]", "shapes.0.lenght", "Known keys: name, size."),
        ("named: {shapes: {name: line, lenght: 2}}", "named.shapes.lenght", "“length”"),
    ],
)
def test_the_known_keys_are_those_of_the_member_of_a_union_that_is_meant(
    tmp_path: Path, text: str, path: str, hint: str
) -> None:
    file = tmp_path / "drawing.yaml"
    file.write_text(text + "\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_as(_Drawing, read_document(file, error=ConfigError), ConfigError)
    hints = {p.path: p.hint for p in caught.value.problems}
    assert hint in hints[path]
