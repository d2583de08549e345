"""What providers' error codes mean, as data: the exact code, whose it is, its class, and why.

A sentence decides only where a provider has no code for what it says. Quota above all is never
read from words of unknown origin: one provider says “INSUFFICIENT QUOTA” of a limit that passes
within the minute. Sources: the providers' error references of November 2026, and for the servers
that people run themselves their source and the messages that their users report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from orchestra_kit.core.display import Shown, Table
from orchestra_kit.core.errors import FailureClass as F

__all__ = ["CODES", "SPEAKS", "TOO_LONG", "WORDINGS", "FailureCode", "Wording", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCode(Shown):
    """One code of one provider."""

    by: str
    code: str
    """In lower case."""
    failure: F
    statuses: frozenset[int] = frozenset()
    """The statuses with which it means this; empty for all."""
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording(Shown):
    """A sentence of a provider that has no code for what it says."""

    by: str
    says: re.Pattern[str]
    failure: F
    statuses: frozenset[int]


SPEAKS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "openai": ("openai", "azure", "compatible", "anthropic", "gemini", "elevenlabs"),
    "xai": ("xai", "openai", "compatible"),
    "perplexity": ("perplexity", "openai", "compatible"),
    "anthropic": ("anthropic",),
    "gemini": ("gemini",),
    "stability": ("stability",),
    "elevenlabs": ("elevenlabs",),
})  # fmt: skip
"""Whose codes a kind of provider may send, its own first. Behind the protocol of OpenAI stands many
a gateway that passes the codes of others through."""


def _of(
    by: str, failure: F, *codes: str, on: tuple[int, ...] = (), because: str
) -> list[FailureCode]:
    statuses = frozenset(on)
    return [
        FailureCode(by=by, code=code, failure=failure, statuses=statuses, because=because)
        for code in codes
    ]


_PAY = "no wait brings money: somebody must pay, or the month must end"
_MINUTE = "a limit that time renews"
_LONG = "the same text stays too long"
_POLICY = "a policy on content refused it"
_KEY = "the key, or what it may do"

CODES: tuple[FailureCode, ...] = (
    # OpenAI: help.openai.com articles 5955604 and 6614457; the type of all of the first group may
    # be insufficient_quota, and so may, wrongly, that of a rate limit: the code goes first.
    *_of("openai", F.QUOTA, "credit_balance_exhausted", "organization_spend_limit_exceeded",
         "project_spend_limit_exceeded", "organization_usage_limit_exceeded",
         "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", because=_PAY),
    *_of("openai", F.RATE, "rate_limit_exceeded", "slow_down", because=_MINUTE),
    *_of("openai", F.OVERLOADED, "server_is_overloaded", "engine_overloaded", "model_overloaded",
         "overloaded", because="no room for anybody's request now"),
    *_of("openai", F.CONTEXT, "context_length_exceeded", "context_window_exceeded",
         "request_too_large", because=_LONG),
    *_of("openai", F.CONTENT, "content_policy_violation", "content_filter", "moderation_blocked",
         because=_POLICY),
    *_of("openai", F.NOT_FOUND, "model_not_found", because="no such model, or not for this key"),
    *_of("openai", F.AUTH, "invalid_api_key", "account_deactivated",
         "unsupported_country_region_territory", because=_KEY),
    *_of("azure", F.CONTENT, "responsibleaipolicyviolation", because=_POLICY),
    *_of("azure", F.NOT_FOUND, "deploymentnotfound", because="no such deployment"),
    # Servers that speak the protocol after OpenAI.
    *_of("compatible", F.CONTEXT, "rate_limit_exceeded", on=(413,),
         because="Groq: one request larger than a minute's tokens never fits"),
    *_of("compatible", F.CONTEXT, "exceed_context_size_error", because="llama.cpp: " + _LONG),
    *_of("compatible", F.RATE, "rate_limited", "1300", because="Mistral: " + _MINUTE),
    *_of("compatible", F.OVERLOADED, "service_tier_capacity_exceeded", "3505",
         because="Mistral: no room for anybody's request now"),
    *_of("compatible", F.OVERLOADED, "capacity_exceeded",
         because="Groq: its flexible tier is full"),
    *_of("compatible", F.OVERLOADED, "unavailable_error", on=(503,),
         because="llama.cpp: the model is being loaded"),
    *_of("compatible", F.CONTENT, "flagged_input", because="OpenRouter: moderation flagged it"),
    *_of("compatible", F.CONCURRENCY, "concurrency_limit_exceeded",
         because="the place of another call frees soon"),
    *_of("compatible", F.QUOTA, "insufficient_balance", "insufficient_credits", because=_PAY),
    # Anthropic: platform.claude.com, errors and rate limits.
    *_of("anthropic", F.QUOTA, "enforced_spend_limit_reached",
         because="the tier's monthly cap: a rate_limit_error without retry-after"),
    *_of("anthropic", F.QUOTA, "billing_error", because=_PAY),
    *_of("anthropic", F.RATE, "rate_limit_error", because=_MINUTE),
    *_of("anthropic", F.OVERLOADED, "overloaded_error",
         because="no room for anybody's request now; also within a stream"),
    *_of("anthropic", F.CONTEXT, "request_too_large", because=_LONG),
    *_of("anthropic", F.AUTH, "authentication_error", "permission_error", because=_KEY),
    *_of("anthropic", F.NOT_FOUND, "not_found_error", because="no such model"),
    *_of("anthropic", F.SERVER, "api_error", "timeout_error", because="a fault of one moment"),
    # Gemini: ai.google.dev, and google.rpc.ErrorInfo's reasons. What kind of quota an exhausted
    # one is, its details say.
    *_of("gemini", F.AUTH, "api_key_invalid", "api_key_expired", "permission_denied",
         "unauthenticated", because=_KEY),
    *_of("gemini", F.OVERLOADED, "unavailable", because="no room for anybody's request now"),
    *_of("gemini", F.SERVER, "deadline_exceeded", on=(504,), because="a fault of one moment"),
    *_of("gemini", F.CONTENT, "safety", "prohibited_content", "blocklist", because=_POLICY),
    *_of("gemini", F.NOT_FOUND, "not_found", on=(404,), because="no such model"),
    # xAI: docs.x.ai; other codes than these are words of gRPC, and its sentences decide.
    *_of("xai", F.AUTH, "unauthenticated", because=_KEY),
    *_of("perplexity", F.QUOTA, "insufficient_quota", because=_PAY),
    # Stability: the `name` of an error, and the finish reason within a 200.
    *_of("stability", F.CONTENT, "content_moderation", "content_filtered", because=_POLICY),
    *_of("stability", F.CONTEXT, "payload_too_large", because="the picture is too large"),
    *_of("stability", F.RATE, "rate_limit_exceeded", because="150 requests in 10 seconds"),
    *_of("stability", F.QUOTA, "payment_required", because=_PAY),
    # ElevenLabs: help.elevenlabs.io, error codes 400, 401 and 429.
    *_of("elevenlabs", F.QUOTA, "quota_exceeded", on=(401, 402), because=_PAY),
    *_of("elevenlabs", F.CONCURRENCY, "too_many_concurrent_requests",
         because="the place of another call frees soon: wait for it, without backing off"),
    *_of("elevenlabs", F.OVERLOADED, "system_busy", because="no room for anybody's request now"),
    *_of("elevenlabs", F.CONTEXT, "max_character_limit_exceeded",
         because="10,000 to 40,000 characters a request, by model"),
    *_of("elevenlabs", F.NOT_FOUND, "voice_not_found", because="no such voice"),
    *_of("elevenlabs", F.AUTH, "invalid_api_key", "missing_permissions",
         "detected_unusual_activity", because=_KEY),
)  # fmt: skip


def _says(by: str, failure: F, text: str, *on: int) -> Wording:
    says = re.compile(text, re.IGNORECASE)
    return Wording(by=by, failure=failure, says=says, statuses=frozenset(on))


WORDINGS: tuple[Wording, ...] = (
    # A limit that the account's owner set, and an empty account: both invalid_request_error.
    _says("anthropic", F.QUOTA, r"reached your specified (workspace )?api usage limits", 400),
    _says("anthropic", F.QUOTA, r"credit balance is too low", 400),
    _says("xai", F.QUOTA, r"used all available credits|monthly spending limit", 403, 429),
    _says("xai", F.QUOTA, r"(run out of|doesn't have any) credits", 403, 429),
    _says("xai", F.CONTENT, r"violates usage guidelines|safety_check_type", 400, 403),
    _says("xai", F.AUTH, r"incorrect api key", 400),
    _says("compatible", F.OVERLOADED, r"overloaded|server busy|capacity exceeded", 429, 503),
    _says("compatible", F.CONTENT, r"requires moderation|was flagged", 403),
)
"""Only the sentences of whom a deployment may be talking to are looked for."""

TOO_LONG: Mapping[str, re.Pattern[str]] = MappingProxyType({
    by: re.compile(text, re.IGNORECASE)
    for by, text in {
        "OpenAI, OpenRouter, DeepSeek, vLLM": r"maximum context length",
        "OpenAI's newer models": r"exceeds? the (context window|configured limit)",
        "Anthropic": r"prompt is too long|input length and .{1,20} exceed context limit",
        "Gemini": r"exceeds the maximum number of tokens",
        "xAI": r"maximum prompt length is \d",
        "Groq": r"reduce the length of the messages",
        "Mistral": r"too large for model with \d+ maximum context",
        "vLLM": r"longer than the maximum model length",
        "llama.cpp": r"exceeds? the available context size|exceed(s|ed)? context (window|size)",
        "Ollama": r"exceeds the context length|exceeds maximum context length",
        "LM Studio": r"greater than the context length|context the overflows|context overflow",
        "Text Generation Inference": r"tokens \+ .{1,20} must be <=",
        "Cohere": r"too many tokens",
        "Bedrock": r"input is too long",
        "GitHub Copilot": r"token count of \d+ exceeds the limit",
        "MiniMax": r"context window exceeds limit",
        "Moonshot": r"exceeded model token limit",
    }.items()
})  # fmt: skip
"""How servers say that a request is too long where they have no code for it."""


def table() -> Table:
    """The codes, one a row."""
    rows = [
        (
            row.by,
            row.code,
            ", ".join(str(status) for status in sorted(row.statuses)),
            row.failure.value,
            row.because,
        )
        for row in CODES
    ]
    rows += [
        (
            row.by,
            f"“{row.says.pattern}”",
            ", ".join(str(status) for status in sorted(row.statuses)),
            row.failure.value,
            "it has no code for this",
        )
        for row in WORDINGS
    ]
    rows += [
        (by, f"“{says.pattern}”", "400, 413, 422, 500", F.CONTEXT.value, _LONG)
        for by, says in TOO_LONG.items()
    ]
    return Table(
        ("who", "code", "only with", "failure", "because"),
        rows,
        title="What providers' error codes mean",
    )
