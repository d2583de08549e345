"""``orchestra outcomes evaluate``: routers fitted on some outcomes and measured on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestra_kit.cli.outcomes_commands import outcomes
from orchestra_kit.cli.output import JsonFlag, show, show_json

if TYPE_CHECKING:
    from orchestra_kit.outcomes.table import Outcomes

__all__: list[str] = []


@outcomes.command()
def evaluate(
    train: Annotated[str, typer.Option(help="Parquet files to learn from, with commas.")],
    test: Annotated[str, typer.Option(help="Parquet files to measure on, with commas.")],
    routers: Annotated[str, typer.Option(help="Names of routers, with commas, or “all”.")] = "all",
    weak: Annotated[
        str | None,
        typer.Option(
            help="The weak model of a pair; alone with the strong one unless --models names more."
        ),
    ] = None,
    strong: Annotated[str | None, typer.Option(help="The strong model of a pair.")] = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Models to choose among, with commas; default: all "
            "that answered nearly every query."
        ),
    ] = None,
    with_task: Annotated[
        bool, typer.Option("--with-task", help="Let routers see the test queries' task labels.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of folds and resamples.")] = 0,
    json: JsonFlag = False,
) -> None:
    """Fit routers on some outcomes, freeze every choice, and measure them on others.

    A file that both sides name is parted by its own column “split”; others are used whole.
    """
    from orchestra_kit.core.errors import TableError
    from orchestra_kit.outcomes.evaluation import evaluate as evaluated

    if (weak is None) != (strong is None):
        raise TableError("A pair has a weak and a strong model: give both --weak and --strong.")
    learnt, judged = _sides(_listed(train), _listed(test))
    names = None if routers == "all" else _listed(routers)
    found = evaluated(
        learnt,
        judged,
        routers=names,
        models=None if models is None else _listed(models),
        pair=None if weak is None or strong is None else (weak, strong),
        with_tasks=with_task,
        seed=seed,
    )
    if json:
        show_json(found.to_dict())
    else:
        show(found.to_text())


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _sides(train: list[str], test: list[str]) -> tuple[Outcomes, Outcomes]:
    """The two tables; what both name is parted by its own column ``split``."""
    from orchestra_kit.outcomes.table import Outcomes

    both = set(train) & set(test)
    tables = []
    for names, side in ((train, "train"), (test, "test")):
        parts = [
            Outcomes.read(name).filter(split=side) if name in both else Outcomes.read(name)
            for name in names
        ]
        tables.append(parts[0] if len(parts) == 1 else Outcomes.concat(parts))
    return tables[0], tables[1]
