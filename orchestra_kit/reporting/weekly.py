"""The weekly report, section by section, as its notebook shows them."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra_kit.analytics.changes import Change
from orchestra_kit.analytics.traffic import load_traffic
from orchestra_kit.analytics.week import Week
from orchestra_kit.analytics.weekly import WeekAnalysis, analyse_week
from orchestra_kit.bench.run import Run
from orchestra_kit.bench.run_journal import stored_run
from orchestra_kit.core.errors import BenchError
from orchestra_kit.figures.cost_by_task_model import cost_by_task_model
from orchestra_kit.figures.fallback_waterfall import fallback_waterfall
from orchestra_kit.figures.latency_by_task import latency_by_task
from orchestra_kit.figures.style import Picture
from orchestra_kit.figures.weekly_trend import weekly_trend
from orchestra_kit.outcomes.statistics import Evidence
from orchestra_kit.policy.policy import Policy
from orchestra_kit.reporting import operations, scorecard, spending
from orchestra_kit.reporting.blocks import Block, folded, joined, note
from orchestra_kit.reporting.facts import Facts, weekly_facts
from orchestra_kit.reporting.method import method_box
from orchestra_kit.reporting.suite import suite_table
from orchestra_kit.store.store import Store

__all__ = ["WeeklyReport", "open_weekly"]


def open_weekly(*, store: str, policy: str, week: str, suite_run: str = "") -> WeeklyReport:
    """Load and analyse a week; the parameters are those of the report's notebook.

    Raises StoreError and PolicyError where a file cannot be read, and BenchError for a suite run
    that the store does not hold.
    """
    loaded = Policy.load(policy)
    with Store.open(store, read_only=True) as opened:
        traffic = load_traffic(opened, Week.parse(week))
        suite = _suite(opened, suite_run)
    return WeeklyReport(analyse_week(traffic, loaded), suite)


def _suite(store: Store, run_id: str) -> Run | None:
    try:
        return stored_run(store, run_id or None)
    except BenchError:
        if run_id:
            raise
        return None


class WeeklyReport:
    """The sections of the report. A section without anything to say is None, and is left out."""

    def __init__(self, analysis: WeekAnalysis, suite: Run | None) -> None:
        self.analysis = analysis
        self.suite = suite
        source = analysis.traffic.source
        self._source = source.value if source else ""

    def headline(self) -> Block:
        """What matters, most important first."""
        if self.analysis.empty:
            return note(
                f"The store holds no request of {self.analysis.week}, so that there is nothing to "
                "report. Requests of real use and of generated traffic would be shown here."
            )
        return joined(
            scorecard.tiles(self.analysis), scorecard.findings_list(self.analysis.findings)
        )

    def scorecard(self) -> Block | None:
        """Every measure, now and before."""
        if self.analysis.empty:
            return None
        return joined(
            scorecard.scorecard_table(self.analysis),
            folded("Each task against the weeks before", self._by_task()),
        )

    def _by_task(self) -> Block:
        return scorecard.changes_table(self.analysis.by_task)

    def targets(self) -> Block | None:
        """Each task's criteria."""
        return None if self.analysis.empty else scorecard.targets_table(self.analysis.targets)

    def latency(self) -> Picture | None:
        """How long requests took."""
        if self.analysis.empty:
            return None
        return latency_by_task(self.analysis.latency, source=self._source)

    def latency_figures(self) -> Block | None:
        """What the latency picture shows, in figures."""
        if self.analysis.empty:
            return None
        return folded("The figures", scorecard.latency_table(self.analysis.latency))

    def trend(self) -> Picture | None:
        """The last weeks."""
        if self.analysis.empty or not self.analysis.traffic.weeks_held:
            return None
        drawn = set(self.analysis.trend["measure"])
        moved = [
            change
            for change in self.analysis.overall
            if change.verdict is Evidence.SHOWS and change.measure.name in drawn
        ]
        return weekly_trend(
            self.analysis.trend,
            title=_trend_title(moved),
            n=len(self.analysis.traffic.requests),
            source=self._source,
        )

    def trend_figures(self) -> Block | None:
        """What the trend shows, in figures."""
        if self.analysis.empty or not self.analysis.traffic.weeks_held:
            return None
        return folded("The figures", scorecard.trend_table(self.analysis.trend))

    def fallback(self) -> Picture | None:
        """Where requests ended."""
        if self.analysis.empty or not self.analysis.fallback.due:
            return None
        return fallback_waterfall(self.analysis.fallback.frame(), source=self._source)

    def fallback_figures(self) -> Block | None:
        """Where the requests of each task ended, and what failed."""
        if self.analysis.empty:
            return None
        return joined(
            operations.fallback_table(self.analysis.fallback, self.analysis.fallback_by_task),
            operations.failures_table(self.analysis.failures),
        )

    def costs(self) -> Picture | None:
        """Where the money went."""
        if self.analysis.empty or not (self.analysis.costs["cost"] > 0).any():
            return None
        return cost_by_task_model(self.analysis.costs, source=self._source)

    def cost_figures(self) -> Block | None:
        """Cost by task and model, and by feature."""
        return None if self.analysis.empty else spending.cost_tables(self.analysis)

    def alerts(self) -> Block | None:
        """The policy's alerts."""
        if self.analysis.empty:
            return None
        weeks = self.analysis.traffic.weeks_held
        return operations.alerts_table(self.analysis.alerts, self.analysis.alerts_before, weeks)

    def incidents(self) -> Block | None:
        """What operators were told."""
        return None if self.analysis.empty else operations.incidents_table(self.analysis.incidents)

    def suite_result(self) -> Block:
        """The scenario suite."""
        if self.suite is None:
            return note("The store holds no run of a scenario suite.")
        return suite_table(self.suite, self.analysis.policy.hash)

    def method(self) -> Block:
        """How the figures were made, and how to make them again."""
        return method_box(self.analysis, self.suite)

    def facts(self) -> Facts:
        """What the renderer and the index need to know."""
        return weekly_facts(self.analysis, self.suite)


def _trend_title(moved: Sequence[Change]) -> str:
    if not moved:
        return "Nothing moved beyond the noise against the weeks before"
    told = []
    for direction, rising in (("rose", True), ("fell", False)):
        names = [c.measure.phrase for c in moved if (c.change.value > 0) is rising]
        if names:
            listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
            told.append(f"{listed} {direction}")
    said = ", and ".join(told)
    return f"{said[:1].upper()}{said[1:]} against the weeks before"
