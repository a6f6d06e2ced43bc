"""The audit log over JSON."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.services import audit
from app.services.audit import Wanted
from app.web.api.admin.shared import refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession

router = APIRouter(prefix="/api/v1/admin/log", tags=["people"])
_LARGEST = 2**31 - 1


class EntryOut(BaseModel):
    """One thing that somebody did."""

    id: int
    created_at: datetime
    user_id: int | None = Field(description="null: the command line of the server.")
    action: str = Field(examples=["user.role_changed"])
    subject: str = Field(examples=["user:7"])
    details: dict[str, Any]


class LogOut(BaseModel):
    entries: list[EntryOut]
    next_before: int | None = Field(description="Ask for `before` this to get the following page; null: the last.")


@router.get("", summary="Read the log", response_model=LogOut, responses=refusals())
def read_log(
    _user: Admin,
    session: ReadSession,
    user_id: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    action: Annotated[str, Query(max_length=60)] = "",
    subject: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = audit.PAGE,
) -> LogOut:
    """The newest first."""
    page = audit.page(session, Wanted(user_id, action, subject, before), limit)
    entries = [EntryOut.model_validate(entry, from_attributes=True) for entry in page.entries]
    return LogOut(entries=entries, next_before=page.next_before)
