"""Made-up traffic for the tests: five weeks with a known outage, written through the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sql

from orchestra_kit.analytics.week import Week
from orchestra_kit.store.store import Store

WEEK = Week.parse("2026-W47")
CHAINS = {
    "article": ("gpt-sol", "claude-sonnet", "gemini-pro"),
    "social_post": ("claude-haiku", "gemini-flash", "gpt-luna"),
    "product_image": ("gpt-image", "stable-diffusion", "gemini-image"),
    "illustration": ("stable-diffusion", "gpt-image", "gemini-image"),
    "voice_over": ("elevenlabs",),
}
TASKS = tuple(CHAINS)
MEAN_COST = {"article": 0.048, "social_post": 0.0021, "product_image": 0.055, "illustration": 0.066,
             "voice_over": 0.06}  # fmt: skip
MEAN_SECONDS = {"article": 21.0, "social_post": 1.2, "product_image": 12.0, "illustration": 9.0,
                "voice_over": 6.0}  # fmt: skip
MEAN_QUALITY = {"article": 0.87, "social_post": 0.85, "product_image": 0.86, "illustration": 0.838,
                "voice_over": 0.9}  # fmt: skip
NANOS = 1_000_000_000
HOUR = 3_600_000_000


def fill(
    path: Path,
    *,
    per_week: int = 35_000,
    weeks: int = 5,
    seed: int = 7,
    source: str = "simulated",
    kind: str = "traffic",
    cheaper: float = 1.0,
    outage: bool = True,
    run: str = "run_traffic",
) -> None:
    """Write `weeks` weeks that end with `WEEK`; the last week's costs are times `cheaper`, and an
    outage of gpt-sol begins on its Wednesday at 14:00 and lasts two hours."""
    random = np.random.default_rng(seed)
    requests: list[dict[str, object]] = []
    attempts: list[dict[str, object]] = []
    for age in range(weeks - 1, -1, -1):
        starts = int(WEEK.shifted(-age).period.starts.timestamp()) * 1_000_000
        factor = cheaper if age == 0 else 1.0
        _week(random, starts, per_week, factor, outage and age == 0, run, requests, attempts)
    notices = _notices(requests, run) if outage else []
    write(
        path,
        runs=[run_row(run, kind, source, seed)],
        requests=[{**row, "source": source} for row in requests],
        attempts=[{**row, "source": source} for row in attempts],
        notices=[{**row, "source": source} for row in notices],
        days=_days(requests, run, source) if kind == "traffic" else [],
    )


def run_row(run: str, kind: str, source: str, seed: int = 7) -> dict[str, object]:
    moment = int(datetime(2026, 10, 19, tzinfo=UTC).timestamp()) * 1_000_000
    return {
        "id": run, "kind": kind, "source": source, "policy": "contentforge",
        "policy_hash": "4ec77a8cf950", "seed": str(seed), "started": moment, "name": kind,
        "state": "complete", "parameters": "{}",
    }  # fmt: skip


def _week(
    random: np.random.Generator,
    starts: int,
    count: int,
    factor: float,
    outage: bool,
    run: str,
    requests: list[dict[str, object]],
    attempts: list[dict[str, object]],
) -> None:
    at = np.sort(random.integers(starts, starts + 168 * HOUR, count))
    tasks = random.choice(len(TASKS), count, p=[0.24, 0.4, 0.17, 0.11, 0.08])
    tiers = random.choice(["premium", "standard", "basic"], count, p=[0.2, 0.45, 0.35])
    ends = random.random(count)
    noise = random.lognormal(0, 0.35, (count, 4))
    quality = random.normal(0, 0.05, count)
    user = random.integers(0, 300, count)
    broken = (at >= starts + 62 * HOUR) & (at < starts + 64 * HOUR) if outage else np.zeros(count)
    for i in range(count):
        task = TASKS[tasks[i]]
        chain = CHAINS[task]
        identity = f"req_{run}_{starts // HOUR}_{i:06d}"
        fails = 3 if ends[i] < 0.0008 else 2 if ends[i] < 0.002 else 1 if ends[i] < 0.03 else 0
        if broken[i] and chain[0] == "gpt-sol":
            fails = 3 if ends[i] < 0.4 else 1
        fails = min(fails, len(chain))
        review = ends[i] > 0.98
        sent = 0 if review else min(fails + 1, len(chain))
        answered = not review and fails < len(chain)
        cost, seconds = 0.0, 0.0
        for number in range(sent):
            good = number == fails
            spent = MEAN_COST[task] * factor * noise[i, number] if good else 0.0
            took = MEAN_SECONDS[task] * noise[i, number] * (1 if good else 0.4)
            cost, seconds = cost + spent, seconds + took
            attempts.append({
                "id": f"{identity}_{number}", "request_id": identity, "run_id": run,
                "number": number, "chain_tier": number,
                "deployment": chain[number], "model": chain[number],
                "at": int(at[i]), "state": "done",
                "outcome": "answered" if good else "failed",
                "failure": None if good else "server", "message": "",
                "seconds": took, "cost": int(spent * NANOS), "cost_upper": None, "quality": None,
            })  # fmt: skip
        status = "review" if review else "answered" if answered else (
            "queued" if len(chain) > 1 else "unavailable")  # fmt: skip
        last = chain[min(fails, len(chain) - 1)] if answered else ""
        requests.append({
            "id": identity, "run_id": run, "at": int(at[i]),
            "policy": "contentforge", "policy_hash": "4ec77a8cf950", "task": task,
            "tier": str(tiers[i]), "user": f"user-{user[i]}", "feature": f"feature-{user[i] % 5}",
            "session": f"s{user[i]}-{at[i] // HOUR}", "rule": "default chain",
            "choice": chain[0], "propensity": 0.98, "confidence": 0.6 if review else 0.95,
            "review": review, "status": status, "deployment": last, "model": last,
            "chain_tier": fails if answered else None, "attempts": sent,
            "cost": int(cost * NANOS), "cost_upper": 0, "seconds": seconds,
            "quality": float(np.clip(MEAN_QUALITY[task] + quality[i], 0, 1)) if answered else None,
        })  # fmt: skip


def _notices(requests: Sequence[Mapping[str, object]], run: str) -> list[dict[str, object]]:
    start = int(WEEK.period.starts.timestamp()) * 1_000_000 + 62 * HOUR
    return [
        {
            "run_id": run,
            "at": start + minutes * 60_000_000,
            "severity": severity,
            "kind": kind,
            "deployment": "gpt-sol",
            "request_id": "",
            "message": message,
        }
        for minutes, severity, kind, message in (
            (
                2,
                "critical",
                "breaker_open",
                "gpt-sol failed five times in a row; its breaker is open.",
            ),
            (
                30,
                "critical",
                "breaker_open",
                "gpt-sol failed five times in a row; its breaker is open.",
            ),
            (121, "info", "breaker_closed", "gpt-sol answers again; its breaker is closed."),
        )
    ]


def _days(
    requests: Sequence[Mapping[str, object]], run: str, source: str
) -> list[dict[str, object]]:
    held = Counter(int(str(row["at"])) // (24 * HOUR) for row in requests)
    return [
        {
            "run_id": run,
            "source": source,
            "day": date(1970, 1, 1) + timedelta(days=day),
            "requests": count,
            "completed_at": (day + 1) * 24 * HOUR,
        }
        for day, count in sorted(held.items())
    ]


def write(path: Path, **rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows by table, moments and money as the whole numbers that the store keeps; columns
    that a row does not name are filled with nothing of their kind."""
    Store.open(path).close()
    engine = sql.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        known = sql.MetaData()
        known.reflect(connection)
        for name, values in rows.items():
            table = known.tables[name]
            empty = {
                c.name: _nothing(c)
                for c in table.c
                if not c.nullable and c.autoincrement is not True
            }
            if name == "notices":
                empty.pop("id")
            kept = [{**empty, **{k: v for k, v in row.items() if k in table.c}} for row in values]
            if kept:
                connection.execute(table.insert(), kept)
    engine.dispose()


def _nothing(column: sql.Column[object]) -> object:
    kind = column.type.python_type
    return False if kind is bool else kind() if kind in (int, float, str) else None
