"""Who may do what: roles of people, scopes of their programs, the links that make accounts."""

from enum import StrEnum


class Role(StrEnum):
    """What a user may do. Each role may do what those before it may."""

    REVIEWER = "reviewer"
    COORDINATOR = "coordinator"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do what ``other`` may."""
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
"""The role without which a scope is worth nothing."""
