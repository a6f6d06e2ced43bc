"""What accounts are made by."""

from enum import StrEnum


class LinkKind(StrEnum):
    """What a one-time link is for."""

    FIRST_ADMIN = "first_admin"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105
