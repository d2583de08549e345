"""A sound store is told so with its rows; damage is told with the way to salvage."""

from __future__ import annotations

import pytest

from orchestra_kit.core.errors import StoreError
from orchestra_kit.store import schema
from orchestra_kit.store.checkup import check_up
from tests.store.old_stores import COUNT, filled_everywhere


def test_a_sound_store_is_found_sound_and_its_rows_are_counted(place):
    found = check_up(filled_everywhere(place))
    assert found.sound
    assert (found.version, found.problems, found.mend) == (schema.VERSIONS[-1], (), "")
    assert set(found.rows) == set(schema.metadata.tables)
    assert found.rows["requests"] == COUNT


def test_damage_is_told_with_what_to_do(filled):
    whole = bytearray(filled.read_bytes())
    whole[8192 * 4 : 8192 * 5] = b"\xa5" * 8192
    filled.write_bytes(whole)
    found = check_up(filled)
    assert not found.sound
    assert found.problems
    assert f"orchestra store salvage '{filled}'" in found.mend


def test_a_file_cut_short_or_unreadable_is_damaged(filled, tmp_path):
    whole = filled.read_bytes()
    filled.write_bytes(whole[:-8192])
    assert "damaged" in check_up(filled).problems[-1]
    filled.write_bytes(b"\xa5" * 8192)
    found = check_up(filled)
    assert not found.sound
    assert (found.version, found.rows) == ("", {})


def test_where_there_is_no_store_there_is_nothing_to_check(tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        check_up(tmp_path / "missing.db")
