"""How moments, money and structures are written in columns that SQLite and PostgreSQL share."""
# ruff: noqa: ARG002 - SQLAlchemy tells every type its dialect; these are alike in all

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import BigInteger, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from orchestra_kit.core.money import from_nanos, to_nanos

__all__ = ["LARGEST", "Json", "Moment", "Money", "Seed", "from_micros", "to_micros"]

LARGEST = 2**63 - 1
"""What a column of whole numbers holds at most."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC; raises TypeError for a moment without a time zone."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    """The moment, in UTC, that is so many microseconds after 1970-01-01."""
    return _EPOCH + timedelta(microseconds=micros)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as whole microseconds since 1970-01-01 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """The microseconds of a moment."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The moment of so many microseconds."""
        return None if value is None else from_micros(value)


class Money(TypeDecorator[Decimal]):
    """Dollars, kept as whole nano-dollars; None is an unknown amount and never 0."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """The nano-dollars of an amount."""
        return to_nanos(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """The amount of so many nano-dollars."""
        return from_nanos(value)


class Json(TypeDecorator[object]):
    """A list or mapping, kept as compact JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        """The text of a structure."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        """The structure of a text."""
        return None if value is None else json.loads(value)


class Seed(TypeDecorator[int]):
    """A seed, kept as decimal text: seeds that are derived from others need 64 bits and a sign."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """The digits of a seed."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        """The seed of these digits."""
        return None if value is None else int(value)
