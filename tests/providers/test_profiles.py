"""The file of assumptions: what is read from it, and what is said when it is wrong."""

from __future__ import annotations

import pytest

from orchestra_kit.core.errors import PolicyError
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.profiles import SimulationProfiles
from orchestra_kit.shipped import path

GOOD = """\
note: assumed
deployments:
  writer:
    first_token: {p50: 0.6s, p95: 1.5s}
    tokens_per_second: 80
    failures: {server: 0.01, rate: 0.02}
    tasks:
      letter: {quality: 0.9, spread: 0.05, difficulty: 0.1, output_tokens: 300}
  painter:
    first_token: {p50: 200ms, p95: 500ms}
    fixed: {p50: 9s, p95: 16s}
    tasks:
      picture: {quality: 0.9, spread: 0.05, difficulty: 0.1}
outages:
  - {deployment: writer, starts: 16d14h, lasts: 2h30m, failure: server}
"""


@pytest.fixture
def load(tmp_path):
    def from_text(text: str) -> SimulationProfiles:
        file = tmp_path / "simulation.yaml"
        file.write_text(text, encoding="utf-8")
        return SimulationProfiles.load(file)

    return from_text


def test_times_offsets_and_shares_are_read(load):
    profiles = load(GOOD)
    writer, painter = profiles.deployments["writer"], profiles.deployments["painter"]
    assert (writer.first_token.p50, writer.first_token.p95) == (0.6, 1.5)
    assert writer.failures == {"server": 0.01, "rate": 0.02}
    assert (painter.first_token.p50, painter.fixed.p95) == (0.2, 16.0)
    assert painter.tasks["picture"].output_tokens == 0
    (outage,) = profiles.outages
    assert (outage.starts, outage.lasts, outage.share) == ((16 * 24 + 14) * 3600, 9000, 1.0)


@pytest.mark.parametrize(
    ("offset", "seconds"), [("90s", 90), ("2h30m", 9000), ("1d", 86_400), ("1d1s", 86_401)]
)
def test_offsets_are_written_in_days_to_seconds(load, offset, seconds):
    assert load(GOOD.replace("16d14h", offset)).outages[0].starts == seconds


@pytest.mark.parametrize(
    ("good", "bad", "line", "key", "says"),
    [
        ("p50: 0.6s", "p50: soon", 4, "first_token.p50", "is not a duration"),
        ("p50: 0.6s", "p50: 0s", 4, "first_token.p50", "must be longer than 0 s"),
        ("p95: 1.5s", "p95: 0.1s", 4, "deployments.writer.first_token", "a p95 below its p50"),
        (", p95: 1.5s", "", 4, "first_token.p95", "is missing"),
        ("tokens_per_second: 80", "tokens_per_second: 0", 5, "tokens_per_second", "more than 0"),
        ("    tokens_per_second: 80\n", "", 3, "deployments.writer", "must say either"),
        ("rate: 0.02", "rate: 0.02, boredom: 0.1", 6, "failures.boredom", "must be one of"),
        ("rate: 0.02", "rate: 1.02", 6, "failures.rate", "at most 1"),
        ("rate: 0.02", "rate: 0.995", 3, "deployments.writer", "add up to more than 1"),
        ("quality: 0.9, spread: 0.05, difficulty: 0.1, o", "spread: 0.05, difficulty: 0.1, o", 8,
         "letter.quality", "is missing"),
        ("spread: 0.05, difficulty: 0.1, out", "spread: .nan, difficulty: 0.1, out", 8,
         "letter.spread", "must be a number"),
        ("quality: 0.9, spread: 0.05, difficulty: 0.1, out", "quality: 1.2, spread: 0, "
         "difficulty: 0, out", 8, "letter.quality", "at most 1"),
        ("difficulty: 0.1, out", "difficultly: 0.1, out", 8, "difficultly", "“difficulty”"),
        ("16d14h", "tomorrow", 15, "outages.0.starts", "is not an offset"),
        ("2h30m", "0h", 15, "outages.0.lasts", "more than 0"),
        ("deployment: writer", "deployment: wrter", 15, "outages.0.deployment", "no profile"),
        ("failure: server", "failure: content", 15, "outages.0.failure", "must be one of"),
        ("note: assumed\n", "", 1, "note", "is missing"),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_a_sentence_with_file_line_and_key(load, good, bad, line, key, says):
    assert good in GOOD
    with pytest.raises(PolicyError) as caught:
        load(GOOD.replace(good, bad, 1))
    problem = next(p for p in caught.value.problems if says in str(p))
    assert problem.file.endswith("simulation.yaml")
    assert problem.path.endswith(key)
    assert problem.line == line
    told = str(problem)
    assert "\n" not in told
    assert told.rstrip().endswith((".", "?"))
    for jargon in ("pydantic", "Traceback", "value_error", "Input should"):
        assert jargon not in told


def test_all_faults_are_told_at_once(load):
    bad = GOOD.replace("p50: 0.6s", "p50: soon").replace("2h30m", "long").replace("9s", "never")
    with pytest.raises(PolicyError) as caught:
        load(bad)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    "text", ["", "[]", "note: x\n", "note: x\ndeployments: {}\n", "a: &x [*x]"]
)
def test_a_file_that_is_no_profile_at_all_is_refused(load, text):
    with pytest.raises(PolicyError):
        load(text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"simulation\.yaml"):
        SimulationProfiles.load(tmp_path / "simulation.yaml")


def test_the_shipped_profiles_cover_the_shipped_policy():
    policy = Policy.load(path("examples/contentforge/orchestra.yaml"))
    profiles = SimulationProfiles.load(policy.simulation_path)
    assert policy.deployments.keys() <= profiles.deployments.keys()
    assert "assumed" in profiles.note.lower()
