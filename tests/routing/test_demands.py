"""What a request demands keeps it from whoever cannot give it, before anything is sent."""

from __future__ import annotations

import pytest

from orchestra_kit.core.decision import Decision
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.demands import Demands
from orchestra_kit.routing.router import Router
from tests.routing.small import POLICY, a_request, a_snapshot, write_policy


@pytest.fixture(scope="module")
def able(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The small policy; what its chain can do differs."""
    text = POLICY.replace(
        "strong-1: {context_window: 100000}",
        "strong-1: {context_window: 100000, reads: [text, image, audio], supports: json_schema, "
        "rejects: [temperature]}",
    )
    text = text.replace(
        "middling-1: {context_window: 100000}",
        "middling-1: {context_window: 100000, reads: [text, image], supports: [tools, seeds]}",
    )
    for name, more in (
        ("strong", "region: eu-west-1, data: [personal, secret]"),
        ("middling", "region: EU, data: personal"),
        ("light", "region: europa-1"),
    ):
        text = text.replace(f"model: {name}-1, key: none", f"model: {name}-1, key: none, {more}")
    text = text.replace("explore: 0.1", "explore: 0.0")
    return write_policy(tmp_path_factory.mktemp("able"), orchestra=text)


def decide(policy: Policy, **changes: object) -> Decision:
    request = a_request("A letter", task="letter", **changes)
    return Router(policy, None, seed=1).decide(request, a_snapshot())


def reason(decision: Decision, deployment: str) -> str:
    return next(c.dropped_because for c in decision.candidates if c.deployment == deployment)


@pytest.mark.parametrize(
    ("changes", "chain", "dropped", "why"),
    [
        ({"attachments": ("image/png",)}, ("strong", "middling"), "light",
         "cannot read image, which is attached"),
        ({"attachments": ("text/csv", "AUDIO/ogg")}, ("strong",), "middling",
         "cannot read audio, which is attached"),
        ({"attachments": ("video/mp4",)}, (), "strong", "cannot read video, which is attached"),
        ({"attachments": ("application/pdf", "text/plain")}, ("strong", "middling", "light"),
         "", ""),
        ({"requires": ("temperature",)}, ("middling", "light"), "strong",
         "rejects temperature, which the request requires"),
        ({"requires": ("json_schema",)}, ("strong",), "light",
         "is not said to support json_schema, which the request requires"),
        ({"requires": ("tools",)}, ("middling",), "strong",
         "is not said to support tools, which the request requires"),
        ({"requires": ("seeds",)}, ("middling",), "light",
         "is not said to support seeds, which the request requires"),
        ({"requires": ("top_p",)}, ("strong", "middling", "light"), "", ""),
        ({"region": "eu"}, ("strong", "middling"), "light",
         "is in europa-1, the request must stay in eu"),
        ({"region": "EU-west-1"}, ("strong",), "middling",
         "is in EU, the request must stay in eu-west-1"),
        ({"data": "personal"}, ("strong", "middling"), "light", "may not see personal data"),
        ({"data": "secret"}, ("strong",), "middling", "may not see secret data"),
        ({"data": "medical"}, (), "strong", "may not see medical data"),
    ],
)  # fmt: skip
def test_only_those_that_can_meet_a_demand_are_called_and_the_others_say_why(
    able: Policy, changes: dict[str, object], chain: tuple[str, ...], dropped: str, why: str
) -> None:
    decision = decide(able, **changes)
    assert decision.chain == decision.planned == chain
    if dropped:
        assert reason(decision, dropped) == why


def test_a_deployment_that_names_no_region_is_in_none(policy: Policy) -> None:
    decision = decide(policy, region="eu")
    assert decision.chain == ()
    assert reason(decision, "strong") == "names no region, the request must stay in eu"


def test_a_request_without_demands_has_none_to_check() -> None:
    assert Demands.of(a_request()) is None
    assert Demands.of(a_request(attachments=("text/plain",))) is None
    assert Demands.of(a_request(attachments=("image/png", "image/jpeg"))) == Demands(("image",))


def test_a_demand_that_nobody_meets_leaves_nothing_to_call_and_says_so(
    able: Policy,
) -> None:
    decision = decide(able, attachments=("video/mp4",))
    assert "nothing that is named for it can be used now" in decision.because
    assert decision.propensity == 1.0
