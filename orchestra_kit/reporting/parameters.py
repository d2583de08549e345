"""The parameters of a report's notebook: named, typed, and never a secret.

The names are those of the cell tagged ``parameters`` in ``reports/weekly.ipynb``; a test holds the
two together.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, StrictStr, ValidationError, field_validator

from orchestra_kit.analytics.week import Week
from orchestra_kit.core.errors import ConfigError
from orchestra_kit.reporting.privacy import holds_secret

__all__ = ["WeeklyParameters", "read_parameters"]

_SECRET_NAME = re.compile(
    r"(?i)(^|_)(key|apikey|api_key|token|secret|password|passwd|credential)s?$"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class WeeklyParameters(BaseModel):
    """What the weekly report is about."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    store: StrictStr
    """Path of the store."""
    policy: StrictStr
    """Path of the policy file whose targets and alerts are applied."""
    week: StrictStr
    """ISO week such as ``2026-W47``."""
    suite_run: StrictStr = ""
    """Run of the scenario suite to show; the latest in the store when empty."""

    @field_validator("week")
    @classmethod
    def _is_a_week(cls, value: str) -> str:
        return Week.parse(value).label


def read_parameters(given: Mapping[str, object]) -> WeeklyParameters:
    """The checked parameters; raises ConfigError, in one sentence, for the first that is wrong.

    Refused are unknown and misspelt names, values of another type, and whatever looks like a
    secret: a notebook keeps its parameters, so keys are passed by reference, in the environment.
    """
    known = list(WeeklyParameters.model_fields)
    for name, value in given.items():
        if not _NAME.fullmatch(name):
            raise ConfigError(f"“{name[:40]}” is not a name that a parameter can have.")
        if _SECRET_NAME.search(name) or holds_secret(str(value)):
            raise ConfigError(
                f"The parameter “{name}” looks like a secret, and a report keeps its parameters; "
                "put it in an environment variable and name that in the policy as env:NAME."
            )
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            mend = f"did you mean “{close[0]}”?" if close else f"it takes {', '.join(known)}."
            raise ConfigError(f"The weekly report has no parameter “{name}”; {mend}")
    try:
        return WeeklyParameters.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        kind = first["type"]
        saying = {"missing": "is missing.", "string_type": "must be text."}.get(kind)
        raise ConfigError(f"The parameter “{name}” {saying or 'is not valid.'}") from error
