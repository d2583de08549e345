"""A suite of scenarios: read, checked against the policy it is written for, and run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestra_kit.bench.runner import run_suite, run_suite_sync
from orchestra_kit.bench.scenario import Scenario, SuiteFile
from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import ConfigError, Problem, SuiteError
from orchestra_kit.policy.document import Document, KeyPath, read_document
from orchestra_kit.policy.policy import Policy
from orchestra_kit.policy.reading import read_as
from orchestra_kit.routing.router import CONFIDENCE_FLOOR, DEFAULT_CHAIN

if TYPE_CHECKING:
    from orchestra_kit.bench.run import Run
    from orchestra_kit.engine.orchestra import Orchestra
    from orchestra_kit.store.store import Store

__all__ = ["Suite"]

_OUTSIDE_THE_RULES = frozenset({DEFAULT_CHAIN, CONFIDENCE_FLOOR})
"""What a decision calls itself where no rule of the policy made it."""


class Suite:
    """A loaded suite.

    ::

        suite = Suite.load("examples/contentforge/suite.yaml")
        run = await suite.run(orchestra, epochs=3)
        run.table()
    """

    def __init__(self, file: SuiteFile, path: Path) -> None:
        self.file = file
        self.path = path

    @classmethod
    def load(cls, path: Path | str) -> Suite:
        """Read a suite file; raises SuiteError with every fault, each with file, line and key.

        The policy that it names is loaded too, so that a scenario cannot name what does not exist.
        """
        path = Path(path)
        document = read_document(path, error=SuiteError)
        policy, faults = _policy_of(document, path)
        faults += _twice(document)
        if policy is not None:
            faults += _unknown_names(document, policy)
        return cls(read_as(SuiteFile, document, SuiteError, faults), path)

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.file.suite

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios, in the order of the file."""
        return self.file.scenarios

    @property
    def policy_path(self) -> Path:
        """The policy that the suite is written for."""
        return self.path.parent / self.file.policy

    @property
    def digest(self) -> str:
        """SHA-256 of the suite's content, whatever its layout and comments."""
        return self.file.digest

    def scenario(self, name: str) -> Scenario:
        """The scenario of that id; raises KeyError for others."""
        for scenario in self.scenarios:
            if scenario.id == name:
                return scenario
        raise KeyError(name)

    def only(self, *names: str) -> Suite:
        """The suite of just these scenarios; raises SuiteError for ids that it does not have."""
        known = {scenario.id for scenario in self.scenarios}
        for name in names:
            if name not in known:
                raise SuiteError(
                    Problem(str(self.path), 0, "scenarios", *_not_known("a scenario", name, known))
                )
        kept = tuple(scenario for scenario in self.scenarios if scenario.id in names)
        return Suite(self.file.model_copy(update={"scenarios": kept}), self.path)

    async def run(
        self,
        orchestra: Orchestra,
        *,
        epochs: int = 1,
        seed: int | None = None,
        store: Store | Path | str | None = None,
        resume: bool = True,
        progress: bool = True,
    ) -> Run:
        """Every scenario, `epochs` times, each in a fresh engine of the same policy and backend.

        With a `store`, each finished cell is kept at once, and a run that was interrupted goes on
        where it stopped unless `resume` is false. `seed` defaults to the orchestra's own. Raises
        BenchError where the suite was edited since the interrupted run began.
        """
        return await run_suite(
            self.file,
            orchestra,
            epochs=epochs,
            seed=seed,
            store=store,
            resume=resume,
            progress=progress,
        )

    def run_sync(
        self,
        orchestra: Orchestra,
        *,
        epochs: int = 1,
        seed: int | None = None,
        store: Store | Path | str | None = None,
        resume: bool = True,
        progress: bool = True,
    ) -> Run:
        """The same from plain code, also inside a running loop such as Jupyter's."""
        return run_suite_sync(
            self.file,
            orchestra,
            epochs=epochs,
            seed=seed,
            store=store,
            resume=resume,
            progress=progress,
        )

    def table(self) -> Table:
        """The scenarios and what each expects."""
        rows = [
            (
                scenario.id,
                ", ".join(scenario.covers),
                scenario.request.tier,
                ", ".join(f"{name}: {_kinds(faults)}" for name, faults in scenario.faults.items()),
                " → ".join(scenario.expect.route or ()),
                scenario.expect.outcome or "",
            )
            for scenario in self.scenarios
        ]
        return Table(
            ("scenario", "covers", "tier", "faults", "expected route", "expected outcome"),
            rows,
            title=f"Suite {self.name}, {len(self.scenarios)} scenarios, {self.digest[:12]}",
        )

    def __repr__(self) -> str:
        return f"Suite({self.name!r}, {len(self.scenarios)} scenarios, digest={self.digest[:12]})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        table = self.table()
        return {"text/plain": table.to_text(), "text/html": table.to_html()}


def _kinds(faults: Iterable[Any]) -> str:
    return "+".join(str(fault.kind) for fault in faults)


def _policy_of(document: Document, path: Path) -> tuple[Policy | None, list[Problem]]:
    """The policy that a suite names; its own faults where it does not load."""
    name = document.data.get("policy") if isinstance(document.data, Mapping) else None
    if not isinstance(name, str) or not name:
        return None, []
    found = path.parent / name
    if not found.exists():
        return None, [
            document.problem(
                ("policy",), f"there is no file “{name}”.", "Name the policy beside the suite."
            )
        ]
    try:
        return Policy.load(found), []
    except ConfigError as error:
        return None, list(error.problems)


def _scenarios_in(document: Document) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    data = document.data
    listed = data.get("scenarios") if isinstance(data, Mapping) else None
    for index, scenario in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(scenario, Mapping):
            yield ("scenarios", index), scenario


def _twice(document: Document) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for path, scenario in _scenarios_in(document):
        name = scenario.get("id")
        if not isinstance(name, str):
            continue
        here = (*path, "id")
        if name in first:
            message = f"“{name}” names two scenarios (first on line {first[name]})."
            yield document.problem(here, message, "Rename one.")
        first.setdefault(name, document.line(here))


def _unknown_names(document: Document, policy: Policy) -> Iterator[Problem]:
    """Every name in a scenario that the policy does not have."""
    rules = {rule.name for rule in policy.rules} | _OUTSIDE_THE_RULES
    for path, scenario in _scenarios_in(document):
        wanted: list[tuple[KeyPath, object, str, Iterable[str]]] = []
        request, expect = _mapping(scenario, "request"), _mapping(scenario, "expect")
        wanted.append((("request", "tier"), request.get("tier"), "a tier", policy.tiers))
        wanted.append((("request", "task"), request.get("task"), "a task", policy.tasks))
        wanted.append((("expect", "task"), expect.get("task"), "a task", policy.tasks))
        wanted.append((("expect", "rule"), expect.get("rule"), "a rule", rules))
        what = "a deployment"
        wanted += [
            (("faults", name), name, what, policy.deployments)
            for name in _mapping(scenario, "faults")
            if name != "*"
        ]
        route = expect.get("route")
        wanted += [
            (("expect", "route", index), name, what, policy.deployments)
            for index, name in enumerate(route if isinstance(route, list) else [])
        ]
        for key, name, kind, known in wanted:
            if isinstance(name, str) and name not in known:
                yield document.problem(
                    (*path, *key), *_not_known(f"{kind} of {policy.name}", name, known)
                )


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _not_known(what: str, name: str, known: Iterable[str]) -> tuple[str, str]:
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f"Did you mean “{close[0]}”?" if close else f"Known are: {', '.join(choices) or 'none'}."
    return f"“{name}” is not {what}.", hint
