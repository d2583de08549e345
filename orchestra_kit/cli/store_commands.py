"""``orchestra store``: backups, restores, copies, exports, and what is wrong with a store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestra_kit.cli.app import app
from orchestra_kit.cli.moments import moment_of
from orchestra_kit.cli.output import JsonFlag, show, show_json
from orchestra_kit.core.display import Table, clean_text

__all__: list[str] = []

store = typer.Typer(
    name="store",
    help="Back up, restore, move, export and check a store.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(store)

PlaceArgument = Annotated[
    str, typer.Argument(help="Path of a store, or postgresql://user@host/database.")
]
ReplaceFlag = Annotated[bool, typer.Option("--replace", help="Replace what is there already.")]


@store.command()
def backup(
    place: PlaceArgument,
    file: Annotated[Path, typer.Argument(help="File to write, a store of SQLite.")],
    replace: ReplaceFlag = False,
    json: JsonFlag = False,
) -> None:
    """Copy a store into one file, while others may go on writing, and verify it."""
    from orchestra_kit.store.backup import backup as back_up

    done = back_up(place, file, replace=replace, progress=not json)
    if json:
        show_json(done)
        return
    show(_rows("table", done.rows))
    show(f"Backed up {done.place} as {done.file} ({done.bytes:,} bytes); it is sound.")


@store.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    place: PlaceArgument,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a store, after backing it up beside.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Put a backup where there is no store, or an empty one, and verify it."""
    from orchestra_kit.store.backup import restore as put_back

    done = put_back(file, place, replace=replace, progress=not json)
    if json:
        show_json(done)
        return
    show(_rows("table", done.rows))
    kept = f" What was there before is kept as {done.kept}." if done.kept else ""
    show(f"Restored {done.file} to {done.place}.{kept}")


@store.command()
def migrate(
    place: PlaceArgument,
    to: Annotated[
        str | None,
        typer.Argument(help="Another place to copy everything to.", show_default=False),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Bring a store's tables to the newest version, or copy the store to another place."""
    from orchestra_kit.store.copying import copy_store, upgrade

    if to is None:
        done = upgrade(place)
        if json:
            show_json(done)
        elif done.before == done.after:
            show(f"{done.place} has the newest version, {done.after}, already.")
        else:
            show(f"{done.place} went from version {done.before} to {done.after}.")
        return
    copied = copy_store(place, to, progress=not json)
    if json:
        show_json(copied)
        return
    rows = [(c.name, f"{c.rows:,}", f"{c.new:,}", c.checksum) for c in copied]
    columns = ("table", "rows", "new", "sum")
    show(Table(columns, rows, right=frozenset({"rows", "new"})))
    show("Both places hold the same.")


@store.command()
def export(
    place: PlaceArgument,
    folder: Annotated[Path, typer.Argument(help="Folder to write one file a table into.")],
    format: Annotated[
        Literal["csv", "jsonl", "parquet"], typer.Option(help="Kind of file.")
    ] = "csv",
    run: Annotated[
        str | None, typer.Option(help="Only what belongs to this run.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Only what happened from this day or moment (UTC) on."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Only what happened before this day or moment (UTC).")
    ] = None,
    replace: ReplaceFlag = False,
    json: JsonFlag = False,
) -> None:
    """Write a store's tables as files for other programs; its own settings are left out."""
    from orchestra_kit.store.export import export as write_files

    done = write_files(
        place,
        folder,
        format=format,
        run=run,
        since=moment_of("--from", since),
        until=moment_of("--to", until),
        replace=replace,
        progress=not json,
    )
    if json:
        show_json(done)
        return
    show(_rows("file", done.rows))
    show(f"Written to {done.folder}.")


@store.command()
def check(place: PlaceArgument, json: JsonFlag = False) -> None:
    """Read a whole store and tell what is wrong with it; status 1 when it is damaged."""
    from orchestra_kit.store.checkup import check_up

    found = check_up(place)
    if json:
        show_json({**found.to_dict(), "sound": found.sound})
    else:
        show(_rows("table", found.rows))
        for problem in found.problems:
            show(f"damaged: {clean_text(problem)}")
        version = f"version {found.version}" if found.version else "of unknown version"
        show(found.mend or f"{found.place} ({version}) is sound.")
    if not found.sound:
        raise typer.Exit(1)


@store.command()
def salvage(
    place: PlaceArgument,
    file: Annotated[Path, typer.Argument(help="File to write, a new store.")],
    json: JsonFlag = False,
) -> None:
    """Copy every row that can still be read of a damaged store into a new one."""
    from orchestra_kit.store.salvage import salvage as save

    done = save(place, file)
    if json:
        show_json(done)
        return
    rows = [(name, f"{count:,}", f"{done.lost[name]:,}") for name, count in done.rows.items()]
    show(Table(("table", "rows", "unreadable"), rows, right=frozenset({"rows", "unreadable"})))
    show(f"Saved as {done.file}. Keep the damaged one until you have looked at it.")


def _rows(what: str, rows: Mapping[str, int]) -> Table:
    counted = [(name, f"{count:,}") for name, count in rows.items()]
    return Table((what, "rows"), counted, right=frozenset({"rows"}))
