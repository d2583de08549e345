"""Every benchmark, one table."""

from __future__ import annotations

from benchmarks import engine, ledger, start
from orchestra_kit.core.display import Table


def main() -> None:
    """Measure and print."""
    rows = []
    for part in (start, engine, ledger):
        for result in part.results():
            ratio = "" if result.ratio is None else f"{result.ratio:.2f}x"
            rows.append((result.what, result.measured, result.floor, ratio, result.aim))
    columns = ("what", "measured", "floor", "ratio", "aim")
    print(Table(columns, rows, title="Measured now, on this machine", right=frozenset({"ratio"})))


if __name__ == "__main__":
    main()
