"""A policy: the file that decides, read whole, checked, and known by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

from orchestra_kit.core.display import Table
from orchestra_kit.core.errors import PolicyError, Problem
from orchestra_kit.core.ids import content_hash
from orchestra_kit.core.money import format_usd
from orchestra_kit.policy.capabilities import Capabilities
from orchestra_kit.policy.conditions import Condition
from orchestra_kit.policy.document import read_document
from orchestra_kit.policy.prices import PriceBook
from orchestra_kit.policy.reading import read_as
from orchestra_kit.policy.references import reference_problems, targets
from orchestra_kit.policy.schema import Deployment, Model, PolicyFile, Rule, Task, Tier

__all__ = ["Policy"]

_SUCCESS = "success.json"


class Policy:
    """A loaded policy with the files beside it.

    ::

        policy = Policy.load("examples/contentforge/orchestra.yaml")
        policy.tasks["article"].chain[0].use
    """

    def __init__(self, file: PolicyFile, path: Path) -> None:
        self.file = file
        self.path = path
        self.folder = path.parent
        self.conditions: tuple[Condition, ...] = tuple(Condition(r.when) for r in file.rules)

    @classmethod
    def load(cls, path: Path | str) -> Policy:
        """Read a policy file; raises PolicyError with every fault, each with file, line and key."""
        path = Path(path)
        if path.is_dir():
            path = path / "orchestra.yaml"
        document = read_document(path, error=PolicyError)
        file = read_as(PolicyFile, document, PolicyError, reference_problems(document))
        absent = [
            document.problem(
                (*where, key), f"there is no file “{name}”.", "Add it beside the policy."
            )
            for where, key, name in _companions(file)
            if not (path.parent / name).is_file()
        ]
        if absent:
            raise PolicyError(absent)
        return cls(file, path)

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.file.policy

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Tasks by name."""
        return self.file.tasks

    @property
    def tiers(self) -> Mapping[str, Tier]:
        """Tiers by name."""
        return self.file.tiers

    @property
    def models(self) -> Mapping[str, Model]:
        """Models by name, legacy ones included."""
        return self.file.models

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        """Deployments by name."""
        return self.file.deployments

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Rules in the order in which they are tried."""
        return self.file.rules

    @cached_property
    def hash(self) -> str:
        """Twelve hex digits of what the policy decides by: its file, prices, capabilities,
        classifier and model of success. Layout and comments do not change it."""
        beside = {
            name: hashlib.sha256(self._beside(name).read_bytes()).hexdigest()
            for name in (*self._named_beside, _SUCCESS)
            if self._beside(name).is_file()
        }
        return content_hash({"file": self.file.model_dump(mode="json"), "beside": beside})

    @property
    def _named_beside(self) -> tuple[str, ...]:
        return self.file.prices, self.file.capabilities, self.file.classifier

    @cached_property
    def prices(self) -> PriceBook:
        """The price book beside the policy."""
        return PriceBook.load(self._beside(self.file.prices))

    @cached_property
    def capabilities(self) -> Capabilities:
        """The capability matrix beside the policy."""
        return Capabilities.load(self._beside(self.file.capabilities))

    @property
    def classifier_path(self) -> Path:
        """The trained classifier beside the policy."""
        return self._beside(self.file.classifier)

    @property
    def success_path(self) -> Path:
        """The trained model of success beside the policy; most policies have none."""
        return self._beside(_SUCCESS)

    @property
    def simulation_path(self) -> Path:
        """The profiles of the simulated backend beside the policy."""
        return self._beside(self.file.simulation)

    def examples(self, task: str) -> tuple[str, ...]:
        """The labelled requests of a task; blank lines and lines that begin with # are skipped.

        Raises PolicyError where the file holds none.
        """
        path = self._beside(self.tasks[task].examples)
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
        found = tuple(line for line in lines if line and not line.startswith("#"))
        if not found:
            raise PolicyError(
                Problem(str(path), 0, "", "holds no example request.", "Write one a line.")
            )
        return found

    def targets(self, name: str) -> tuple[str, ...]:
        """The deployments that a name means, in the order of the file: itself, all of a model's,
        or those of a legacy model's successor; raises KeyError for other names."""
        found = self._targets.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def resolve(self, name: str) -> str:
        """The first of the deployments that a name means; raises KeyError for unknown names."""
        return self.targets(name)[0]

    @cached_property
    def _targets(self) -> dict[str, tuple[str, ...]]:
        models = {name: {"successor": model.successor} for name, model in self.models.items()}
        deployments = {name: {"model": d.model} for name, d in self.deployments.items()}
        known = {name: targets(name, models, deployments) for name in (*models, *deployments)}
        return {name: found for name, found in known.items() if found}

    def serving(self, model: str) -> tuple[str, ...]:
        """The deployments of a model, in the order of the file."""
        return tuple(name for name, d in self.deployments.items() if d.model == model)

    def model_of(self, deployment: str) -> Model:
        """The model that a deployment serves."""
        return self.models[self.deployments[deployment].model]

    def retired(self, name: str, on: date) -> bool:
        """Whether a model is retired on a day."""
        model = self.models.get(name)
        return bool(model and model.retired and model.retired <= on)

    def __repr__(self) -> str:
        return (
            f"Policy({self.name!r}, hash={self.hash}, {len(self.tasks)} tasks, "
            f"{len(self.rules)} rules, {len(self.deployments)} deployments)"
        )

    def table(self) -> Table:
        """Tasks with their criteria and chains."""
        rows = [
            (
                name,
                f"{task.must.quality:.2f}",
                f"{task.must.p90_latency:g} s",
                format_usd(task.must.cost),
                " → ".join(f"{link.use} ({link.timeout:g} s)" for link in task.chain),
                task.then.queue or "says unavailable",
            )
            for name, task in self.tasks.items()
        ]
        return Table(
            ("task", "quality ≥", "p90 ≤", "cost ≤", "chain", "then"),
            rows,
            title=f"Policy {self.name}, version {self.hash}: {len(self.rules)} rules",
            right=frozenset({"quality ≥", "p90 ≤", "cost ≤"}),
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        table = self.table()
        return {"text/plain": table.to_text(), "text/html": table.to_html()}

    def _beside(self, name: str) -> Path:
        return self.folder / name


def _companions(file: PolicyFile) -> list[tuple[tuple[str | int, ...], str, str]]:
    found: list[tuple[tuple[str | int, ...], str, str]] = [
        ((), "prices", file.prices),
        ((), "capabilities", file.capabilities),
    ]
    found += [(("tasks", name), "examples", task.examples) for name, task in file.tasks.items()]
    return found
