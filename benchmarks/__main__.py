"""Every benchmark, or those that are named, as tables. ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime

from tqdm import tqdm

from benchmarks.part import PARTS, measured
from benchmarks.timing import Result
from orchestra_kit.core.display import Table

_MET = {True: "yes", False: "no", None: ""}


def main() -> None:
    """Measure and print; progress goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--json", action="store_true", help="print the same as data")
    asked = parser.parse_args()
    if unknown := [name for name in asked.parts if name not in PARTS]:
        parser.error(f"there is no part “{unknown[0]}”; there are {', '.join(PARTS)}.")
    began, load = time.monotonic(), os.getloadavg()[0]
    lines: dict[str, list[Result]] = {}
    with tqdm(asked.parts or PARTS, unit="part") as parts:
        for part in parts:
            parts.set_description(part)
            lines[part] = measured(part)
    if asked.json:
        print(json.dumps(_data(lines, load), indent=2))
        return
    print("\n\n".join(_table(part, found).to_text() for part, found in lines.items()))
    every = [line for part in lines.values() for line in part]
    print(
        f"\n{sum(line.met is True for line in every)} aims met,"
        f" {sum(line.met is False for line in every)} missed."
        f" {time.monotonic() - began:.0f} s; load before: {load:.1f} on {os.cpu_count()} cores."
    )


def _table(part: str, lines: list[Result]) -> Table:
    columns = ("what", "measured", "floor or peer", "ratio", "aim", "met", "n")
    rows = [
        (
            line.what,
            line.measured,
            line.floor,
            "" if line.ratio is None else f"{line.ratio:.2f}x",
            line.aim,
            _MET[line.met],
            line.n,
        )
        for line in lines
    ]
    return Table(columns, rows, title=f"{part}, measured now", right=frozenset({"ratio"}))


def _data(lines: dict[str, list[Result]], load: float) -> dict[str, object]:
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_before": load,
        "lines": [
            {"part": part, **asdict(line)} for part, found in lines.items() for line in found
        ],
    }


if __name__ == "__main__":
    main()
