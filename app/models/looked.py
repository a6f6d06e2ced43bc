"""What a model version said of a photo and where it looked: columns that two tables share."""

from typing import Any

from sqlalchemy import JSON, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.submission import SquareOrigin
from app.domain.verdict import Opinion
from app.models.columns import text_enum


class Looked:
    """Squares are x, y, width, height as fractions of the upright photo."""

    probabilities: Mapped[dict[str, float]] = mapped_column(JSON, doc="scientific name → calibrated probability")
    in_scope: Mapped[float]
    square: Mapped[list[float] | None] = mapped_column(
        JSON(none_as_null=True), doc="what the version looked at; NULL: the middle of the photo"
    )
    square_origin: Mapped[SquareOrigin] = mapped_column(text_enum(SquareOrigin), default=SquareOrigin.MIDDLE)
    searched: Mapped[bool] = mapped_column(default=False, doc="the version looked for an animal")
    others: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list, doc="further animals: square, probabilities, in_scope"
    )
    looks_like: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON,
        default=list,
        doc="species outside the version's labels: scientific_name, probability, vernacular_names by language",
    )
    square_changes: Mapped[int] = mapped_column(
        Integer, default=0, doc="the photo's when it was looked at; other than it is now: an earlier square"
    )

    @property
    def opinion(self) -> Opinion:
        """As verdicts are made of it."""
        return opinion_of(self)


def opinion_of(row: Any) -> Opinion:
    """The opinion in a row that has ``probabilities``, ``in_scope``, ``others``, ``searched`` and ``square_origin``."""
    return Opinion(
        row.probabilities,
        row.in_scope,
        tuple(Opinion(other["probabilities"], other["in_scope"]) for other in row.others),
        nothing_found=row.searched and row.square_origin is SquareOrigin.MIDDLE,
    )
