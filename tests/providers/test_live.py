"""The live backend: checked whole before the first call, then real over loopback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import SystemClock, VirtualClock
from orchestra_kit.core.errors import ConfigError, MissingSecret, UnsafeAddress
from orchestra_kit.policy.policy import Policy
from orchestra_kit.providers.faults import Fault, FaultScript
from orchestra_kit.providers.live import Live, open_backend
from orchestra_kit.providers.provider import StreamingProvider
from tests.loopback.server import LoopbackServer, completion
from tests.providers.calling import a_call

POLICY = """\
policy: little
confidence_floor: 0.5
tiers: {basic: {quality: 1, cost: 1, latency: 1}}
tasks:
  greeting:
    is: a greeting
    examples: greeting.txt
    must: {quality: 0.5, p90_latency: 5s, cost: $1}
    value: {basic: $1}
    quality_floor: 0.1
    chain: [{use: first, timeout: 5s}]
    then: {say: Not now.}
models:
  small: {rejects: temperature}
  picture: {makes: image}
deployments:
"""


def policy(folder: Path, deployments: str) -> Policy:
    (folder / "orchestra.yaml").write_text(POLICY + deployments)
    (folder / "prices.yaml").write_text("models: {}\n")
    (folder / "capabilities.yaml").write_text(
        "source: assumed\nmeasured: 2026-11-01\nhow: none\ncells: {}\n"
    )
    (folder / "greeting.txt").write_text("Say hello\n")
    return Policy.load(folder)


async def test_a_deployment_answers_over_its_own_address(tmp_path):
    async with LoopbackServer(completion("Hello!")) as server:
        loaded = policy(
            tmp_path,
            f"  first: {{provider: openai, model: small, key: env:A_KEY, allow_local: true,"
            f' base_url: "{server.url}", parameters: {{seed: 7}}}}\n',
        )
        backend = Live(loaded, environment={"A_KEY": "canary-5b2e77aa"})
        answer = await backend.provider("first").send(a_call(parameters={"temperature": 0}))
        await backend.close()
        received = server.requests[0]
    assert backend.source is Source.LIVE
    assert answer.text == "Hello!"
    assert answer.dropped_parameters == ("temperature",)
    assert received.headers["authorization"] == "Bearer canary-5b2e77aa"
    assert received.json["seed"] == 7


def test_every_missing_key_is_told_at_once(tmp_path):
    loaded = policy(
        tmp_path,
        "  first: {provider: openai, model: small, key: env:FIRST_KEY}\n"
        "  second: {provider: xai, model: small, key: env:SECOND_KEY}\n"
        "  third: {provider: openai, model: small, key: env:THIRD_KEY}\n",
    )
    with pytest.raises(MissingSecret) as caught:
        Live(loaded, environment={"THIRD_KEY": "canary-91c0de55"})
    assert [p.path for p in caught.value.problems] == ["deployments.first", "deployments.second"]
    assert "FIRST_KEY" in str(caught.value)
    assert "canary-91c0de55" not in str(caught.value)


def test_a_provider_without_an_adapter_is_told_by_deployment(tmp_path):
    loaded = policy(
        tmp_path,
        "  first: {provider: elevenlabs, model: small, key: env:A_KEY}\n"
        "  second: {provider: openai, model: picture, key: env:A_KEY}\n",
    )
    with pytest.raises(ConfigError, match=r"deployments\.first.*\n.*deployments\.second") as caught:
        Live(loaded, environment={"A_KEY": "canary-91c0de55"})
    assert "image by openai" in str(caught.value)


def test_an_address_that_may_not_be_used_is_told(tmp_path):
    loaded = policy(
        tmp_path,
        '  first: {provider: openai, model: small, key: none, base_url: "http://127.0.0.1:1/v1"}\n',
    )
    with pytest.raises(UnsafeAddress, match="allow_local"):
        Live(loaded, environment={})


def test_faults_of_several_kinds_come_together(tmp_path):
    loaded = policy(
        tmp_path,
        "  first: {provider: stability, model: small, key: env:A_KEY}\n"
        "  second: {provider: openai, model: small, key: env:A_KEY}\n",
    )
    with pytest.raises(ConfigError) as caught:
        Live(loaded, environment={})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("kind", "header", "path"),
    [
        ("openai", "authorization", "/v1/chat/completions"),
        ("xai", "authorization", "/v1/chat/completions"),
        ("anthropic", "x-api-key", "/v1/messages"),
        ("gemini", "x-goog-api-key", "/v1/models/small:generateContent"),
    ],
)
async def test_each_kind_of_provider_is_called_in_its_own_way(tmp_path, kind, header, path):
    async with LoopbackServer() as server:
        loaded = policy(
            tmp_path,
            f"  first: {{provider: {kind}, model: small, key: env:A_KEY, allow_local: true,"
            f' base_url: "{server.url}"}}\n',
        )
        backend = Live(loaded, environment={"A_KEY": "canary-5b2e77aa"})
        provider = backend.provider("first")
        assert isinstance(provider, StreamingProvider)
        answer = await provider.send(a_call())
        await backend.close()
        received = server.requests[0]
    assert answer.text == "Hello there, friend."
    assert received.headers[header].removeprefix("Bearer ") == "canary-5b2e77aa"
    assert received.path == path


def test_a_parameter_that_the_adapter_sets_is_refused(tmp_path):
    loaded = policy(
        tmp_path, "  first: {provider: openai, model: small, key: none, parameters: {stream: true}}"
    )
    with pytest.raises(ConfigError, match="stream"):
        Live(loaded, environment={})


def test_a_deployment_that_the_policy_does_not_have_is_told(tmp_path):
    loaded = policy(tmp_path, "  first: {provider: openai, model: small, key: none}\n")
    with pytest.raises(ConfigError, match="second"):
        Live(loaded, environment={}).provider("second")


def test_the_factory_refuses_what_only_a_simulation_can_do(tmp_path):
    from datetime import UTC, datetime

    loaded = policy(tmp_path, "  first: {provider: openai, model: small, key: none}\n")
    facts = {"seed": 1, "origin": None, "recording": None}
    script = FaultScript({"first": (Fault(kind="rate"),)})
    with pytest.raises(ConfigError, match="Faults"):
        open_backend(loaded, clock=SystemClock(), faults=script, **facts)
    virtual = VirtualClock(datetime(2026, 11, 23, tzinfo=UTC))
    with pytest.raises(ConfigError, match="real time"):
        open_backend(loaded, clock=virtual, faults=FaultScript(), **facts)
    virtual.close()
    assert open_backend(loaded, clock=SystemClock(), faults=FaultScript(), **facts).provider(
        "first"
    )


def test_the_shipped_local_policy_opens():
    folder = Path(__file__).parents[2] / "examples" / "local"
    backend = Live(Policy.load(folder), environment={})
    assert all(re.match("qwen|gemma", name) for name in backend._policy.deployments)
