"""Values show themselves; what strangers wrote is shown as text and nothing else."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchestra_kit.core.answer import Score, Usage
from orchestra_kit.core.display import Table, clean_text, plain


def test_a_table_aligns_numbers_to_the_right():
    table = Table(("model", "n"), [("a", 5), ("longer", 120)], right=frozenset({"n"}))
    lines = table.to_text().splitlines()
    assert lines[2].endswith("  5")
    assert lines[3].endswith("120")


def test_html_of_a_table_is_escaped():
    html = Table(("name",), [("<script>alert(1)</script>",)], title="<b>").to_html()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_direction_and_control_characters_are_made_visible():
    assert clean_text("a\u202eb\x1b[31m\x00") == "a·b·[31m·"


@given(st.text(max_size=2000))
def test_long_text_is_folded_and_says_how_long_it_was(text):
    shown = clean_text(text, longest=50)
    assert len(shown) < 100
    if len(text) > 50:
        assert f"{len(text):,}" in shown


def test_values_become_plain_json():
    usage = Usage(input_tokens=3)
    assert plain({"cost": Decimal("0.1"), "usage": usage})["usage"]["input_tokens"] == 3
    assert plain(Decimal("0.1")) == "0.1"


def test_unscored_is_not_zero():
    unscored = Score.unscored("judge", "off scale")
    assert unscored.value is None
    assert not unscored.scored
    assert unscored.to_dict()["reason"] == "off scale"


def test_a_value_draws_itself_as_text_and_html():
    bundle = Score(value=0.5, scorer="x")._repr_mimebundle_()
    assert "0.5" in bundle["text/plain"]
    assert "<table>" in bundle["text/html"]
