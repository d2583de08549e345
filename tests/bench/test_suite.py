"""Suites are read strictly: every fault at once, with its line, and against the policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestra_kit.bench import Suite
from orchestra_kit.core.errors import SuiteError


def _edit(folder: Path, old: str, new: str) -> Path:
    path = folder / "suite.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def _faults(path: Path) -> dict[str, tuple[int, str]]:
    with pytest.raises(SuiteError) as caught:
        Suite.load(path)
    return {p.path: (p.line, f"{p.message} {p.hint}".strip()) for p in caught.value.problems}


def test_a_suite_loads_with_its_policy_beside_it(folder: Path) -> None:
    suite = Suite.load(folder / "suite.yaml")
    assert [s.id for s in suite.scenarios] == ["primary", "fallback", "empty"]
    assert suite.policy_path == folder / "orchestra.yaml"
    assert suite.scenario("primary").targets.latency == 3.0
    assert "primary" in suite.table().to_text()


def test_two_scenarios_of_one_id_are_refused_at_the_line_of_the_second(folder: Path) -> None:
    path = _edit(folder, "id: fallback", "id: primary")
    line, message = _faults(path)["scenarios.1.id"]
    assert line == 9
    assert "first on line 4" in message


def test_every_fault_is_told_at_once(folder: Path) -> None:
    _edit(folder, "id: fallback", "id: primary")
    _edit(folder, "tier: premium", "tier: premum")
    _edit(folder, "rule: premium text", "rule: premium txet")
    _edit(folder, "{first: [{kind: server}]}", "{furst: [{kind: sever}]}")
    _edit(folder, "route: [first, second]", "route: [first, secnod]")
    path = _edit(folder, "outcome: rejected", "outcome: reject, wrong: 1")
    found = _faults(path)
    assert "Did you mean “premium”?" in found["scenarios.0.request.tier"][1]
    assert "Did you mean “premium text”?" in found["scenarios.0.expect.rule"][1]
    assert "is not a deployment" in found["scenarios.1.faults.furst"][1]
    assert "must be one of" in found["scenarios.1.faults.furst.0.kind"][1]
    assert found["scenarios.1.expect.route.1"][0] == 12
    assert "must be one of answered" in found["scenarios.2.expect.outcome"][1]
    assert "is not a known key" in found["scenarios.2.expect.wrong"][1]
    assert "scenarios.1.id" in found


def test_an_expected_error_is_refused(folder: Path) -> None:
    path = _edit(folder, "outcome: rejected", "outcome: error")
    assert "must be one of" in _faults(path)["scenarios.2.expect.outcome"][1]


def test_a_request_holds_either_a_text_or_a_repetition(folder: Path) -> None:
    path = _edit(folder, 'text: ""', 'text: "", repeat: {text: x, times: 3}')
    assert "either `text` or `repeat`" in _faults(path)["scenarios.2.request"][1]


def test_a_long_text_is_written_short(folder: Path) -> None:
    path = _edit(folder, 'text: ""', 'repeat: {text: "tea ", times: 20000}')
    assert len(Suite.load(path).scenario("empty").request.whole_text) == 80_000


def test_a_missing_policy_is_told_with_the_suites_own_faults(folder: Path) -> None:
    _edit(folder, "policy: orchestra.yaml", "policy: elsewhere.yaml")
    found = _faults(_edit(folder, "outcome: rejected", "outcome: reject"))
    assert found["policy"] == (
        2,
        "there is no file “elsewhere.yaml”. Name the policy beside the suite.",
    )
    assert "scenarios.2.expect.outcome" in found


def test_a_broken_policy_is_told_with_its_own_file(folder: Path) -> None:
    policy = folder / "orchestra.yaml"
    policy.write_text(policy.read_text("utf-8").replace("use: painter", "use: pianter"), "utf-8")
    with pytest.raises(SuiteError) as caught:
        Suite.load(folder / "suite.yaml")
    assert [p.file for p in caught.value.problems] == [str(policy)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "crlf"])
def test_byte_order_marks_and_windows_lines_are_read(folder: Path, encoding: str) -> None:
    path = folder / "suite.yaml"
    before = Suite.load(path).digest
    text = path.read_text("utf-8")
    if encoding == "crlf":
        path.write_bytes(text.replace("\n", "\r\n").encode())
    else:
        path.write_text(text, encoding=encoding)
    assert Suite.load(path).digest == before


def test_the_digest_follows_the_content_and_not_the_layout(folder: Path) -> None:
    before = Suite.load(folder / "suite.yaml")
    _edit(folder, "scenarios:", "# a comment\n\nscenarios:")
    assert Suite.load(folder / "suite.yaml").digest == before.digest
    _edit(folder, "latency: 3s", "latency: 4s")
    after = Suite.load(folder / "suite.yaml")
    assert after.digest != before.digest
    assert after.scenario("primary").digest != before.scenario("primary").digest
    assert after.scenario("fallback").digest == before.scenario("fallback").digest


def test_a_suite_can_be_narrowed_to_some_scenarios(folder: Path) -> None:
    suite = Suite.load(folder / "suite.yaml")
    assert [s.id for s in suite.only("empty", "primary").scenarios] == ["primary", "empty"]
    with pytest.raises(SuiteError, match="Did you mean “empty”"):
        suite.only("emtpy")


def test_a_suite_may_hold_no_scenario(folder: Path) -> None:
    path = folder / "suite.yaml"
    path.write_text("suite: none\npolicy: orchestra.yaml\nscenarios: []\n", "utf-8")
    assert Suite.load(path).scenarios == ()
