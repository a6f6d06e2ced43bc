"""What the routes for admins have in common."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from app.services.accounts import LONGEST_NAME
from app.web import problems
from app.web.openapi import SOMETHING

Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""The number of a row."""
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=SOMETHING)]

ACCESS = problems.described(
    {
        401: "Send an API key with the scope `admin`, or sign in.",
        403: "Not for this role or key.",
    }
)


def refusals(**texts: str) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route for admins: who may, and what else can be wrong, as in ``_404="…"``."""
    return ACCESS | problems.described({int(name.removeprefix("_")): text for name, text in texts.items()})
