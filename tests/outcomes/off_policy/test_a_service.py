"""Traffic of the real engine, valued for another policy, beside that policy at work."""

from __future__ import annotations

import numpy as np
import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import StoreError, TableError
from orchestra_kit.outcomes.off_policy import (
    Estimator,
    LoggedTraffic,
    Verdict,
    logged_traffic,
    policy_target,
    value_policy,
)
from orchestra_kit.store.store import Store
from tests.outcomes.off_policy.service import BY_LENGTH, LETTERS, a_policy, serve

N = 1_000


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A store of adapted traffic, the traffic in it, another policy, and its own replies."""
    folder = tmp_path_factory.mktemp("service")
    with Store.open(folder / "store.db", durable=False, capture="full") as store:
        serve(a_policy(folder / "old", LETTERS, adapts=True), N, store)
        traffic = logged_traffic(store)
    new = a_policy(folder / "new", BY_LENGTH, adapts=False)
    return traffic, new, serve(new, N)


def test_the_log_holds_every_choice_with_its_probability(world):
    traffic, *_ = world
    assert len(traffic) == N
    assert traffic.source is Source.SIMULATED
    assert set(traffic.actions) == {"first", "second", "third"}
    assert (traffic.propensity < 1).all()
    assert traffic.frame["cluster"].nunique() == N // 2


def test_the_value_is_that_of_the_policy_at_work(world):
    traffic, new, replies = world
    found = value_policy(traffic, policy_target(new, traffic))
    assert found.verdict in {Verdict.ESTIMABLE, Verdict.WEAK}
    truth = {
        "quality": np.mean([reply.score.value for reply in replies]),
        "cost": np.mean([float(reply.cost) for reply in replies]),
    }
    for outcome, real in truth.items():
        for estimator in (Estimator.DOUBLY_ROBUST, Estimator.SNIPS, Estimator.IPS):
            value = found.of(outcome).by(estimator).value
            assert value.low <= real <= value.high, (outcome, estimator, value, real)
    quality = found.of("quality").by(Estimator.DOUBLY_ROBUST)
    assert quality.value.high - quality.value.low < 0.03
    logged = np.nanmean(traffic.outcome("quality"))
    assert quality.difference.low <= truth["quality"] - logged <= quality.difference.high


def test_without_texts_the_logged_context_decides_the_same(world):
    traffic, new, _ = world
    by_text = policy_target(new, traffic)
    bare = LoggedTraffic.from_frame(
        traffic.frame.assign(text=None), source=traffic.source, context=traffic.context
    )
    by_context = policy_target(new, bare)
    assert (by_text.probabilities == by_context.probabilities).all()
    assert by_text.notes == ()
    assert "1,000 of 1,000 requests were decided by their logged task" in by_context.notes[0]


def test_what_was_out_at_the_moment_is_out_for_the_other_policy_too(world):
    traffic, new, _ = world
    out = traffic.frame.assign(unavailable=[{"second": "breaker open"}] * N)
    target = policy_target(
        new, LoggedTraffic.from_frame(out, source=traffic.source, context=traffic.context)
    )
    assert "second" not in target.actions


def test_a_context_that_lacks_a_field_is_routed_to_nobody_and_told(world):
    traffic, new, _ = world
    fields = traffic.frame["fields"].tolist()
    fields[0] = {name: value for name, value in fields[0].items() if name != "words"}
    old = LoggedTraffic.from_frame(
        traffic.frame.assign(fields=fields), source=traffic.source, context=traffic.context
    )
    target = policy_target(new, old)
    assert target.routed.sum() == N - 1
    assert "another version" in target.notes[0]


def test_an_adapting_policy_is_taken_to_spread_what_it_moves(world, tmp_path):
    traffic, *_ = world
    adapting = a_policy(tmp_path / "adapting", BY_LENGTH, adapts=True)
    target = policy_target(adapting, traffic)
    assert ((target.probabilities > 0.05).sum(axis=1) == 3).all()
    assert "spread evenly" in target.notes[0]


def test_a_policy_without_the_task_routes_nothing(world, tmp_path):
    traffic, *_ = world
    other = a_policy(tmp_path / "other", BY_LENGTH, adapts=False)
    text = (other.folder / "orchestra.yaml").read_text().replace("letter", "speech_text")
    (other.folder / "orchestra.yaml").write_text(text.replace("speech_text.txt", "letter.txt"))
    capabilities = (other.folder / "capabilities.yaml").read_text()
    (other.folder / "capabilities.yaml").write_text(capabilities.replace("letter", "speech_text"))
    with pytest.raises(TableError, match="routes none of the logged requests"):
        policy_target(type(other).load(other.folder), traffic)


def test_traffic_that_does_not_say_what_a_policy_decides_by_is_refused(world):
    traffic, new, _ = world
    bare = LoggedTraffic.from_frame(traffic.frame[["action", "propensity", "quality"]])
    with pytest.raises(TableError, match="does not say what a policy decides by"):
        policy_target(new, bare)


def test_a_store_without_traffic_is_told(tmp_path):
    with Store.open(tmp_path / "empty.db") as store, pytest.raises(StoreError, match="no traffic"):
        logged_traffic(store)
