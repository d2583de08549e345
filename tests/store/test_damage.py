"""Damage is told in one sentence with a way to salvage, and never read as wrong numbers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import select

from orchestra_kit.core.errors import (
    StoreCorrupt,
    StoreError,
)
from orchestra_kit.store import schema
from orchestra_kit.store.store import Store


def test_a_file_that_is_no_database_is_refused_with_a_way_to_salvage(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("not a database at all, but long enough to have a header " * 100)
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match=r"orchestra store salvage '.*notes\.db'"):
        Store.open(path)
    assert path.read_bytes() == before


def _read_all(path: Path) -> list[list[tuple[object, ...]]]:
    with Store.open(path, read_only=True) as store:
        assert store.check() == ()
        tables = schema.metadata.sorted_tables
        return [
            [tuple(r) for r in store.rows(select(t).order_by(*t.primary_key.columns))]
            for t in tables
        ]


def test_a_file_cut_short_anywhere_is_refused(filled, tmp_path):
    whole = filled.read_bytes()
    assert len(whole) > 20 * 4096
    short = tmp_path / "short.db"
    for length in range(4096, len(whole), 4096):
        short.write_bytes(whole[:length])
        for read_only in (True, False):
            with pytest.raises(StoreCorrupt):
                Store.open(short, read_only=read_only)
        assert short.stat().st_size == length


def test_a_flipped_byte_is_told_as_our_error_or_changes_only_values(filled, tmp_path):
    """Without checksums a changed value cannot be told from a right one; a changed structure is."""
    whole = bytearray(filled.read_bytes())
    chance = random.Random(11)
    told = 0
    for trial in range(150):
        place = chance.randrange(len(whole)) if trial % 3 else chance.randrange(100)
        damaged = bytearray(whole)
        damaged[place] ^= chance.randrange(1, 256)
        copy = tmp_path / "damaged.db"
        copy.write_bytes(damaged)
        try:
            _read_all(copy)
        except (StoreError, AssertionError):
            told += 1
        except (ValueError, OverflowError):
            pytest.fail(f"byte {place} of {filled} came out as a bare exception")
    assert told > 20
