from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.routing.complexity import AMBIGUITY, COMPLEXITY, Part, ambiguity, complexity

SCALES = pytest.mark.parametrize(
    ("parts", "total"), [(COMPLEXITY, complexity), (AMBIGUITY, ambiguity)]
)
Total = Callable[[Mapping[str, float]], float]


@SCALES
def test_nothing_counted_is_nothing_and_everything_is_a_hundred(
    parts: Mapping[str, Part], total: Total
) -> None:
    assert total(dict.fromkeys(parts, 0.0)) == 0.0
    assert total(dict.fromkeys(parts, 10_000.0)) == 100.0


@SCALES
@given(data=st.data())
def test_no_part_ever_lowers_the_sum(
    parts: Mapping[str, Part], total: Total, data: st.DataObject
) -> None:
    counts = {name: data.draw(st.floats(0, 5000), label=name) for name in parts}
    grown = data.draw(st.sampled_from(sorted(parts)))
    more = {**counts, grown: counts[grown] + data.draw(st.floats(0, 5000))}
    assert total(more) >= total(counts)


@SCALES
def test_each_part_alone_gives_its_weight_at_its_full_count_and_half_at_half(
    parts: Mapping[str, Part], total: Total
) -> None:
    for name, part in parts.items():
        none = dict.fromkeys(parts, 0.0)
        assert total({**none, name: part.full}) == part.weight
        assert total({**none, name: part.full / 2}) == pytest.approx(part.weight / 2, abs=0.051)
