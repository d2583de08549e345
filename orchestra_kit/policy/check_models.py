"""Findings about models, prices and what was measured: what ages while a policy stands still."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from orchestra_kit.core.money import format_usd
from orchestra_kit.policy.findings import Finding, Subject
from orchestra_kit.policy.prices import Price
from orchestra_kit.policy.schema import Medium

__all__ = ["model_findings", "price_findings"]

SOON = timedelta(days=90)
"""Retirements and price changes within these days are told."""
OLD_PRICE = timedelta(days=180)
OLD_MEASUREMENT = timedelta(days=90)

_NEEDED: dict[Medium, tuple[tuple[str, ...], ...]] = {
    "text": (("input",), ("output",)),
    "image": (("image",),),
    "audio": (("characters", "second"),),
}
"""Units that a call needs a price for, by what it makes; of each group one is enough."""


def model_findings(subject: Subject, today: date) -> Iterator[Finding]:
    """Retired, retiring and manual models that something still names; how old the figures are."""
    yield from _deployed(subject, today)
    yield from _named(subject, today)
    yield from _measured(subject, today)


def _deployed(subject: Subject, today: date) -> Iterator[Finding]:
    policy = subject.policy
    for name, deployment in policy.deployments.items():
        model = policy.models[deployment.model]
        if model.retired is None or model.retired > today + SOON:
            continue
        gone = model.retired <= today
        when = (
            f"was retired on {model.retired}"
            if gone
            else f"retires on {model.retired}, in {(model.retired - today).days} days"
        )
        yield subject.finding(
            "error" if gone else "warning",
            "retired model" if gone else "retiring model",
            ("deployments", name, "model"),
            f"“{deployment.model}” {when}.",
            f"Its successor is “{model.successor}”." if model.successor else "Choose a successor.",
        )


def _named(subject: Subject, today: date) -> Iterator[Finding]:
    policy = subject.policy
    for path, name in subject.named():
        model = policy.models.get(name)
        if name in policy.deployments or model is None:
            continue
        target = " and ".join(policy.targets(name))
        if model.access == "manual":
            yield subject.finding(
                "error",
                "manual model",
                path,
                f"“{name}” is done by hand and cannot be called; “{target}” would answer instead.",
                "Name a deployment, and give the handwork to a person.",
            )
        elif model.retired and model.retired <= today + SOON and not policy.serving(name):
            verb = "is retired since" if model.retired <= today else "retires on"
            yield subject.finding(
                "warning",
                "legacy name",
                path,
                f"“{name}” {verb} {model.retired}; its successor “{target}” answers in its place.",
                f"Write “{target}”.",
            )


def _measured(subject: Subject, today: date) -> Iterator[Finding]:
    book, file = subject.policy.capabilities, subject.policy.file.capabilities
    if book.source == "assumed":
        yield subject.beside(
            "warning",
            "assumed figures",
            file,
            "source",
            "the capability matrix is assumed, not measured.",
            "Run `orchestra measure`.",
        )
    age = today - book.measured
    if age > OLD_MEASUREMENT:
        yield subject.beside(
            "warning",
            "old figures",
            file,
            "measured",
            f"the capability matrix is of {book.measured}, {age.days} days ago.",
            "Run `orchestra measure`.",
        )
    for task, definition in subject.policy.tasks.items():
        for index, link in enumerate(definition.chain):
            for name in subject.policy.targets(link.use):
                if book.cell(name, task) is None:
                    yield subject.finding(
                        "warning",
                        "never measured",
                        ("tasks", task, "chain", index, "use"),
                        f"“{name}” was never measured at {task}: it would be passed over.",
                        "Run `orchestra measure`.",
                    )


def price_findings(subject: Subject, today: date) -> Iterator[Finding]:
    """Prices that are missing, old, or about to change."""
    policy = subject.policy
    file = policy.file.prices
    for name, deployment in policy.deployments.items():
        model = deployment.model
        price = policy.prices.price(model, today)
        missing = _missing(price, policy.models[model].makes)
        if missing:
            refused = ", and a spend budget refuses such calls" if policy.file.budgets else ""
            yield subject.finding(
                "error" if policy.file.budgets else "warning",
                "no price",
                ("deployments", name, "model"),
                f"“{model}” has no known price for {missing} on {today}, so that its calls cost an "
                f"unknown amount{refused}.",
                f"Add it to {file}.",
            )
            continue
        assert price is not None
        if today - price.since > OLD_PRICE:
            yield subject.beside(
                "warning",
                "old price",
                file,
                f"models.{model}",
                f"the price of “{model}” is of {price.since}, {(today - price.since).days} days "
                "ago.",
                "Look it up, and add an entry of today even if it is unchanged.",
            )
        yield from _changing(subject, model, price, today)


def _missing(price: Price | None, makes: Medium) -> str:
    """The units without a price, in words; empty where none is missing."""
    if price is None:
        return "any unit"
    groups = [g for g in _NEEDED[makes] if all(getattr(price, unit) is None for unit in g)]
    return " and ".join(" or ".join(group) for group in groups)


def _changing(subject: Subject, model: str, price: Price, today: date) -> Iterator[Finding]:
    for coming in subject.policy.prices.models.get(model, ()):
        if not today < coming.since <= today + SOON:
            continue
        changes = [
            f"{unit} from {format_usd(old)} to {format_usd(new)}"
            for unit in ("input", "output", "image", "characters", "second")
            if (new := getattr(coming, unit)) != (old := getattr(price, unit)) and old is not None
        ]
        if changes:
            yield subject.beside(
                "note",
                "price change",
                subject.policy.file.prices,
                f"models.{model}",
                f"“{model}” changes on {coming.since}: {', '.join(changes)}.",
                "Look at the rules that name it before that day.",
            )
