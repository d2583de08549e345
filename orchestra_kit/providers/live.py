"""The backend that really calls: one adapter a deployment, checked whole before the first call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestra_kit.core.answer import Source
from orchestra_kit.core.clock import Clock, SystemClock
from orchestra_kit.core.errors import ConfigError, Problem
from orchestra_kit.core.secrets import secret
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.schema import Deployment
from orchestra_kit.providers import anthropic, gemini, openai_compatible
from orchestra_kit.providers.addresses import check_url
from orchestra_kit.providers.anthropic import Anthropic
from orchestra_kit.providers.faults import FaultScript
from orchestra_kit.providers.gemini import Gemini
from orchestra_kit.providers.keys import BoundKey
from orchestra_kit.providers.openai_compatible import OpenAICompatible
from orchestra_kit.providers.provider import Provider
from orchestra_kit.providers.transport import Transport

__all__ = ["Live", "open_backend"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of provider is called."""

    home: str
    """Where it is when a policy does not say."""
    adapter: type[OpenAICompatible | Anthropic | Gemini] = OpenAICompatible
    key_header: str = "authorization"
    reserved: frozenset[str] = openai_compatible.RESERVED


_KINDS = {
    "openai": _Kind("https://api.openai.com/v1"),
    "xai": _Kind("https://api.x.ai/v1"),
    "anthropic": _Kind(
        "https://api.anthropic.com/v1", Anthropic, anthropic.KEY_HEADER, anthropic.RESERVED
    ),
    "gemini": _Kind(
        "https://generativelanguage.googleapis.com/v1beta",
        Gemini,
        gemini.KEY_HEADER,
        gemini.RESERVED,
    ),
}
"""The kinds of provider that have an adapter."""


class Live:
    """A provider for every deployment of a policy.

    Raises, with every fault at once: MissingSecret for keys that the environment lacks,
    UnsafeAddress for addresses that may not be used, ConfigError for deployments that no adapter
    serves yet or for faults of several kinds.
    """

    source = Source.LIVE

    def __init__(
        self,
        policy: Policy,
        *,
        environment: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._policy = policy
        self._environment = os.environ if environment is None else environment
        self._clock = clock or SystemClock()
        self._transports = {local: Transport(allow_local=local) for local in (False, True)}
        self._providers: dict[str, Provider] = {}
        faults: list[ConfigError] = []
        problems: list[Problem] = []
        for name in policy.deployments:
            try:
                self._providers[name] = self._opened(name)
            except ConfigError as fault:
                faults.append(fault)
                problems += [self._placed(name, p, fault.hint) for p in fault.problems]
        if problems:
            kinds = {type(fault) for fault in faults}
            raise (kinds.pop() if len(kinds) == 1 else ConfigError)(problems)

    def provider(self, deployment: str) -> Provider:
        """The provider that serves a deployment; raises ConfigError where there is none."""
        if deployment not in self._providers:
            raise ConfigError(f"The policy has no deployment “{deployment}”.")
        return self._providers[deployment]

    async def close(self) -> None:
        """Free connections."""
        for transport in self._transports.values():
            await transport.close()

    def _opened(self, name: str) -> Provider:
        deployment = self._policy.deployments[name]
        model = self._policy.model_of(name)
        kind = _KINDS.get(deployment.provider)
        if kind is None or model.makes != "text":
            raise ConfigError(
                f"there is no live adapter for {model.makes} by {deployment.provider} yet.",
                hint="Use the simulated backend, or a deployment that makes text.",
            )
        _check_parameters(deployment, kind.reserved)
        url = deployment.base_url or kind.home
        host = check_url(url, allow_local=deployment.allow_local).netloc
        return kind.adapter(
            base_url=url,
            key=BoundKey(host, secret(deployment.key, self._environment), kind.key_header),
            transport=self._transports[deployment.allow_local],
            clock=self._clock,
            provider=deployment.provider,
            rejects=frozenset(model.rejects),
            parameters=deployment.parameters,
        )

    def _placed(self, deployment: str, problem: Problem, hint: str) -> Problem:
        return Problem(
            str(self._policy.path), 0, f"deployments.{deployment}", problem.message, hint
        )


def open_backend(
    policy: Policy,
    *,
    clock: Clock,
    seed: int,  # noqa: ARG001 - every backend is opened alike; the world has no seed
    faults: FaultScript,
    origin: datetime | None,  # noqa: ARG001
    recording: Path | None,  # noqa: ARG001
) -> Live:
    """The live backend for the engine; raises ConfigError where faults were scripted, for those
    can only be played where answers are."""
    if faults != FaultScript():
        raise ConfigError("Faults cannot be played on live deployments.", hint="Use simulated.")
    if clock.virtual:
        raise ConfigError("Live deployments answer in real time.", hint="Use the system clock.")
    return Live(policy, clock=clock)


def _check_parameters(deployment: Deployment, reserved: frozenset[str]) -> None:
    taken = sorted(reserved & set(deployment.parameters))
    if taken:
        raise ConfigError(f"the parameter {taken[0]} is set by the adapter.", hint="Remove it.")
