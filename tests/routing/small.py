"""A policy with one deployment for each reason to be dropped, and lines that train a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from orchestra_kit.core.request import Request
from orchestra_kit.policy.policy import Policy
from orchestra_kit.routing.snapshot import Snapshot

TODAY = date(2026, 11, 23)

POLICY = """\
policy: small
confidence_floor: 0.75
tiers:
  best: {quality: 1.0, cost: 0.1, latency: 0.2}
  cheap: {quality: 0.2, cost: 0.7, latency: 0.4}
tasks:
  letter:
    is: a letter
    examples: letter.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.01}
    value: {best: $1, cheap: $0.10}
    quality_floor: 0.5
    explore: 0.1
    max_output_tokens: 4000
    chain:
      - {use: strong, timeout: 20s, when: [timeout, rate]}
      - {use: middling, timeout: 15s}
      - {use: light, timeout: 10s}
    then: {queue: later, say: Please wait.}
  picture:
    is: a picture
    makes: image
    examples: picture.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.05}
    value: {best: $1, cheap: $0.10}
    quality_floor: 0.5
    chain:
      - {use: old-painter, timeout: 20s}
    then: {say: No pictures now.}
  speech:
    is: text read aloud
    makes: audio
    examples: speech.txt
    must: {quality: 0.8, p90_latency: 10s, cost: $0.05}
    value: {best: $1, cheap: $0.10}
    quality_floor: 0.5
    chain:
      - {use: voice, timeout: 20s}
    then: {say: No voices now.}
models:
  strong-1: {context_window: 100000}
  middling-1: {context_window: 100000}
  light-1: {context_window: 100000}
  spare-1: {context_window: 100000}
  tiny-1: {context_window: 4100}
  gone-1: {retired: 2026-11-23, successor: strong}
  leaving-1: {retired: 2026-11-24}
  banned-1: {never_for: letter}
  fresh-1: {}
  unpriced-1: {}
  painter-1: {makes: image}
  old-painter: {makes: image, retired: 2026-01-01, successor: painter}
  voice-1: {makes: audio}
deployments:
  strong: {provider: openai, model: strong-1, key: none}
  middling: {provider: openai, model: middling-1, key: none}
  light: {provider: openai, model: light-1, key: none}
  spare: {provider: openai, model: spare-1, key: none}
  tiny: {provider: openai, model: tiny-1, key: none}
  gone: {provider: openai, model: gone-1, key: none}
  leaving: {provider: openai, model: leaving-1, key: none}
  banned: {provider: openai, model: banned-1, key: none}
  fresh: {provider: openai, model: fresh-1, key: none}
  unpriced: {provider: openai, model: unpriced-1, key: none}
  painter: {provider: openai, model: painter-1, key: none}
  voice: {provider: elevenlabs, model: voice-1, key: none}
rules:
  - {name: secret, when: task == "letter" && language == "fr", review: true, because: Ann reads it}
  - {name: long, when: task == "letter" && words > 2000, use: spare, because: it keeps the thread}
  - {name: code, when: task == "letter" && code, use: [light, strong, spare], because: any of three}
  - {name: odd, when: task == "letter" && maths, use: [fresh, gone, banned], because: none can}
  - {name: tiny, when: task == "letter" && urgent, use: [tiny, unpriced, leaving], because: hurry}
"""
PRICES = """\
models:
  strong-1: [{from: 2026-01-01, input: $2, cached: $0.50, output: $10, says: list price}]
  middling-1: [{from: 2026-01-01, input: $1, output: $4, says: list price}]
  light-1:
    - {from: 2026-01-01, input: $0.10, output: $0.50, says: list price}
    - {from: 2026-12-01, input: $0.20, output: $1, says: announced}
  spare-1: [{from: 2026-01-01, input: $1, output: $4, says: list price}]
  tiny-1: [{from: 2026-01-01, input: $1, output: $4, says: list price}]
  gone-1: [{from: 2026-01-01, input: $1, output: $4, says: list price}]
  leaving-1: [{from: 2026-01-01, input: $1, output: $4, says: list price}]
  banned-1: [{from: 2026-01-01, input: $1, output: $4, says: list price}]
  painter-1: [{from: 2026-01-01, image: $0.04, says: list price}]
  voice-1: [{from: 2026-01-01, characters: $80, says: list price}]
"""
_CELL = (
    "{{quality: {0}, quality_low: {0}, quality_high: {0}, p50: {1}, p95: {2}, "
    "output_tokens: {3}, n: 50}}"
)
CAPABILITIES = "source: simulated\nmeasured: 2026-11-01\nhow: by hand\ncells:\n" + "".join(
    f"  {name}: {{{task}: {_CELL.format(*figures)}}}\n"
    for name, task, figures in (
        ("strong", "letter", (0.92, 6, 9, 600)),
        ("middling", "letter", (0.86, 6, 9, 500)),
        ("light", "letter", (0.75, 2, 4, 400)),
        ("spare", "letter", (0.86, 6, 9, 500)),
        ("tiny", "letter", (0.70, 1, 2, 500)),
        ("gone", "letter", (0.90, 6, 9, 500)),
        ("leaving", "letter", (0.80, 6, 9, 500)),
        ("banned", "letter", (0.90, 6, 9, 500)),
        ("unpriced", "letter", (0.90, 6, 9, 500)),
        ("painter", "picture", (0.90, 6, 9, 0)),
        ("voice", "speech", (0.90, 3, 5, 0)),
    )
)

_THINGS = (
    "tea", "salt", "bread", "coal", "silk", "wool", "tin", "maize", "paper", "glass", "rope",
    "amber", "cocoa", "iron",
)  # fmt: skip
EXAMPLES = {
    "letter": [f"Write a letter of 400 words about {thing} to the editor" for thing in _THINGS]
    + [f"Draft a long essay on the history of {thing}" for thing in _THINGS],
    "picture": [f"Draw a picture of {thing} in watercolour" for thing in _THINGS]
    + [f"Paint an illustration that shows {thing} on a table" for thing in _THINGS],
    "speech": [f"Read this line about {thing} aloud in a warm voice" for thing in _THINGS]
    + [f"Record a voice-over: “Our {thing} is the best”" for thing in _THINGS],
}


def write_policy(folder: Path, **files: str) -> Policy:
    """The small policy on disk; `files` replaces texts by stem, such as ``letter="…"``."""
    texts = {
        "orchestra.yaml": POLICY,
        "prices.yaml": PRICES,
        "capabilities.yaml": CAPABILITIES,
        **{f"{task}.txt": "\n".join(lines) for task, lines in EXAMPLES.items()},
    }
    for name, text in texts.items():
        (folder / name).write_text(files.get(name.split(".")[0], text), encoding="utf-8")
    return Policy.load(folder)


def write_family(
    folder: Path, *, letter: str = "explore: 0.0", weights: Sequence[float] = ()
) -> Policy:
    """The small policy with a model ``twin`` of several deployments, ``twin-1`` and so on, one for
    each weight (two where none is given), which is the chain's first link and stands in the rule
    about code. `letter` replaces the line that lets letters explore."""
    weights = weights or (1.0, 1.0)
    names = [f"twin-{number + 1}" for number in range(len(weights))]
    deployments = "".join(
        f"  {name}: {{provider: openai, model: twin, key: none, region: {name}, "
        f"weight: {weight}}}\n"
        for name, weight in zip(names, weights, strict=True)
    )
    text = (
        POLICY.replace("{use: strong, timeout: 20s", "{use: twin, timeout: 20s")
        .replace("    explore: 0.1\n", f"    {letter}\n")
        .replace("  voice-1: {makes", "  twin: {context_window: 100000}\n  voice-1: {makes")
        .replace("rules:\n", f"{deployments}rules:\n")
        .replace("use: [light, strong, spare]", "use: [spare, twin]")
    )
    cells = "".join(f"  {name}: {{letter: {_CELL.format(0.95, 6, 9, 500)}}}\n" for name in names)
    return write_policy(
        folder,
        orchestra=text,
        capabilities=CAPABILITIES + cells,
        prices=f"{PRICES}  twin: [{{from: 2026-01-01, input: $1, output: $4, says: list price}}]\n",
    )


def a_request(text: str = "Write a letter about tea", **changes: object) -> Request:
    """A request of the best tier, with changes."""
    given: dict[str, object] = {
        "id": "req_1",
        "text": text,
        "tier": "best",
        "arrived": datetime(2026, 11, 23, 10, tzinfo=UTC),
        **changes,
    }
    return Request(**given)


def a_snapshot(**changes: object) -> Snapshot:
    """All well, on the day of the tests, with changes."""
    return Snapshot(**{"today": TODAY, **changes})
