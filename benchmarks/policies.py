"""The policies that are measured: the shipped one without its limits, a chain of three, a server
of our own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.classification import Classifier
from orchestra_kit.shipped import path

__all__ = ["TASK", "chain_of_three", "never_asked", "over_http", "without_limits"]

TASK = "letter"
"""The only task of the two small policies, which every request to them declares."""
_FAR_AWAY = 1_000_000_000

_SMALL = """\
policy: measured
confidence_floor: 0.75
deadline: 60s
tiers:
  standard: {{quality: 0.5, cost: 0.4, latency: 0.3}}
tasks:
  letter:
    is: a letter
    examples: letter.txt
    must: {{quality: 0.8, p90_latency: 10s, cost: $0.05}}
    value: {{standard: $0.10}}
    quality_floor: 0.1
    max_output_tokens: 1000
    chain: [{chain}]
    then: {{queue: later, say: "We are busy. Your letter is queued."}}
models:
{models}
deployments:
{deployments}
"""


def without_limits(folder: Path) -> Policy:
    """The shipped policy, rules, budgets and all, with every limit so high that none is reached:
    what is measured is the work, and not the waiting that a provider's limits ask for."""
    shutil.copytree(path("examples/contentforge"), folder, dirs_exist_ok=True)
    file = folder / "orchestra.yaml"
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"\b(rpm|tpm|concurrent): \d+", rf"\1: {_FAR_AWAY}", text)
    text = re.sub(r"\blimit: \$\d+", f"limit: ${_FAR_AWAY}", text)
    file.write_text(text, encoding="utf-8")
    return Policy.load(folder)


def never_asked() -> Classifier:
    """A classifier for the small policies: an engine has one, even where tasks are declared."""
    return Classifier.load(path("examples/contentforge/classifier.json"))


def chain_of_three(folder: Path) -> Policy:
    """A task that goes to `first`, else to `second`, else to `third`."""
    providers = {"first": "openai", "second": "anthropic", "third": "gemini"}
    return _written(
        folder,
        {name: f"provider: {kind}, model: {name}-1" for name, kind in providers.items()},
    )


def over_http(folder: Path, url: str) -> Policy:
    """A task that goes to the server of OpenAI's protocol at this address of this machine."""
    return _written(
        folder, {"local": f'provider: openai, model: local-1, base_url: "{url}", allow_local: true'}
    )


def _written(folder: Path, deployments: dict[str, str]) -> Policy:
    chain = ", ".join(f"{{use: {name}, timeout: 20s}}" for name in deployments)
    models = "\n".join(f"  {name}-1: {{context_window: 100000}}" for name in deployments)
    called = "\n".join(f"  {name}: {{{how}, key: none}}" for name, how in deployments.items())
    priced = "\n".join(
        f"  {name}-1: [{{from: 2026-01-01, input: $1, output: $4, says: fictitious}}]"
        for name in deployments
    )
    measured = "\n".join(
        f"  {name}:\n    letter: {{quality: 0.9, quality_low: 0.8, quality_high: 1.0,"
        " p50: 1, p95: 2, n: 10}"
        for name in deployments
    )
    for name, text in {
        "orchestra.yaml": _SMALL.format(chain=chain, models=models, deployments=called),
        "prices.yaml": f"models:\n{priced}\n",
        "capabilities.yaml": "source: assumed\nmeasured: 2026-11-01\nhow: made for a benchmark\n"
        f"cells:\n{measured}\n",
        "letter.txt": "Write a letter about tea\n",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Policy.load(folder)
