"""Every part of ``make bench`` runs and tells what it found; how much is for the machine to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import availability, decision, http, memory, overhead, part, policies
from benchmarks.peers.measuring import drive, prompt
from benchmarks.timing import Command, Result, interleaved

ROOT = Path(__file__).parents[2]


def by_name(lines: list[Result]) -> dict[str, Result]:
    found = {line.what: line for line in lines}
    assert len(found) == len(lines)
    return found


def test_a_decision_costs_more_than_its_conditions_alone():
    p50, p99 = decision.results(requests=50)
    assert p50.ratio is not None
    assert p50.ratio > 1
    assert p99.ratio is not None
    assert p99.ratio >= 1


def test_peers_that_are_not_installed_are_told_as_such():
    lines = overhead.results(
        requests=5, rounds=1, concurrent=(3,), peers_python=Path(sys.executable)
    )
    beside = [line for line in lines if "beside" in line.what]
    ours = [line for line in lines if "beside" not in line.what]
    assert len(beside) == 4
    assert {(line.floor, line.ratio, line.met) for line in beside} == {
        ("not installed", None, None)
    }
    assert all(line.ratio is not None and line.ratio > 1 for line in ours)


def test_memory_is_measured_with_every_step_on_disk():
    (line,) = memory.results(requests=400, warm_up=200)
    assert line.n.startswith("400 requests")
    assert line.measured.endswith(" MB")


def test_requests_over_http_are_all_answered_and_none_comes_sooner_than_the_server():
    lines = by_name(http.results(requests=10, concurrent=5, rounds=1))
    slow = [line for what, line in lines.items() if "of 0.2 s" in what and "memory" not in what]
    assert len(slow) == 2
    assert all(line.ratio is not None and line.ratio > 1 for line in slow)
    assert sum("immediate server" in what for what in lines) == 2


@pytest.fixture(scope="module")
def available():
    return by_name(availability.results(requests=400, steady=10, outages=1))


def test_availability_is_that_of_the_engine(available):
    assert available["primary fails 0%: calls a request"].ratio == 1.0
    some = available["primary fails 30%: calls a request"].ratio
    assert some is not None
    assert 1.0 < some < 1.5
    assert available["primary fails 100%: answered"].measured.startswith("100")
    assert available["everything down: calls a request"].met
    assert available["hard outage: failures until the breaker opens"].met


def test_too_few_requests_do_not_prove_an_availability(available):
    line = available["primary fails 0%: answered"]
    assert line.measured.startswith("100.000%, at least 99.0")
    assert line.met is False


def test_works_take_turns_and_the_median_is_told():
    order, figures = [], iter([5.0, 1.0, 3.0])

    def ours():
        order.append("ours")
        return {"cpu": next(figures)}

    def theirs():
        order.append("theirs")
        return {"cpu": 1.0}

    found = interleaved({"ours": ours, "theirs": theirs}, 3)
    assert order == ["ours", "theirs"] * 3
    assert found["ours"] == {"cpu": 3.0}


async def test_every_request_is_sent_once_by_as_many_as_were_asked_for():
    sent: list[int] = []

    async def one(number: int) -> None:
        sent.append(number)

    found = await drive(one, 20, 6, warm_up=2)
    assert sent[:2] == [-2, -1]
    assert sorted(sent[2:]) == list(range(20))
    assert found["cpu"] >= 0
    assert len({prompt(n) for n in sent}) == 22


def test_the_shipped_policy_keeps_its_rules_and_budgets_when_its_limits_go(tmp_path):
    from orchestra_kit import Policy
    from orchestra_kit.shipped import path

    shipped = Policy.load(path("examples/contentforge"))
    measured = policies.without_limits(tmp_path)
    assert len(measured.conditions) == len(shipped.conditions)
    assert [b.name for b in measured.file.budgets] == [b.name for b in shipped.file.budgets]
    limits = [d.limits.rpm or d.limits.concurrent or 0 for d in measured.deployments.values()]
    assert min(limits) >= 1_000_000


def test_what_fails_in_a_process_of_its_own_says_why():
    with pytest.raises(RuntimeError, match="no_such_module"):
        Command("benchmarks.no_such_module").run()


def test_a_part_that_fails_is_a_line_and_no_end():
    (line,) = part.measured("no_such_part")
    assert line.met is False
    assert "no_such_part" in line.measured


def test_the_command_prints_parts_as_data():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "decision", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert {line["part"] for line in found["lines"]} == {"decision"}
    assert all(
        set(line) >= {"what", "measured", "ratio", "aim", "met", "n"} for line in found["lines"]
    )


def test_an_unknown_part_is_told_with_those_that_there_are():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "speed"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "availability" in done.stderr
    assert "Traceback" not in done.stderr
