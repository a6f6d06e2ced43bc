"""Column shapes that several tables share."""

from enum import StrEnum

from sqlalchemy import Enum


def text_enum(kind: type[StrEnum]) -> Enum:
    """A StrEnum kept as its value in a text column, so that a new member needs no migration."""
    return Enum(kind, native_enum=False, length=32, values_callable=lambda e: [member.value for member in e])
