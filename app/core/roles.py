"""Roles of users and scopes of API keys."""

from enum import StrEnum


class Role(StrEnum):
    """What a user may do. Each role includes those before it."""

    REVIEWER = "reviewer"
    COORDINATOR = "coordinator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do everything that ``other`` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Scope(StrEnum):
    """What an API key may be used for, within what the role of its owner allows."""

    PREDICT = "predict"
    RECORDS = "records"
    MODELS = "models"


LEAST_ROLE: dict[Scope, Role] = {
    Scope.PREDICT: Role.REVIEWER,
    Scope.RECORDS: Role.COORDINATOR,
    Scope.MODELS: Role.ADMIN,
}
"""The least role of a user whose key may have a scope."""
