"""API keys over JSON."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, Field

from app.db import transaction, utcnow
from app.domain.accounts import Scope
from app.models import ApiKey
from app.services import api_keys
from app.services.api_keys import MOST_REQUESTS, NewKey
from app.web.api.admin.shared import Id, Name, refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession

router = APIRouter(prefix="/api/v1/admin/api-keys", tags=["people"])


def _once_each(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) < len(scopes):
        raise ValueError("each scope once")
    return scopes


Scopes = Annotated[
    list[Scope], Field(min_length=1, json_schema_extra={"uniqueItems": True}), AfterValidator(_once_each)
]


class KeyIn(BaseModel):
    name: Name
    scopes: Scopes
    user_id: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        None, description="In whose name; left out: your own."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=MOST_REQUESTS)] = 120
    days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        None, description="How long it works; left out, until it is revoked."
    )


class KeyOut(BaseModel):
    """A program's way in. Of the key itself only a hash is kept."""

    id: int
    name: str
    prefix: str = Field(description="How the key begins, to tell keys apart.")
    user_id: int
    scopes: list[Scope]
    requests_per_minute: int
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKeyOut(KeyOut):
    key: str = Field(description="Told this once.")


def _out(key: ApiKey) -> KeyOut:
    return KeyOut.model_validate(key, from_attributes=True)


@router.get("", summary="List API keys", response_model=list[KeyOut], responses=refusals())
def list_keys(_user: Admin, session: ReadSession) -> list[KeyOut]:
    """Revoked ones stand last."""
    return [_out(key) for key in api_keys.all_keys(session)]


@router.post(
    "",
    status_code=201,
    summary="Make an API key",
    response_model=NewKeyOut,
    responses=refusals(
        _404="There is no such owner.",
        _409="A scope that the owner's role does not reach.",
        _422="A name without letters or digits; see `errors`.",
    ),
)
def make_key(request: Request, user: Admin, new: KeyIn) -> NewKeyOut:
    """The key itself is in the answer and nowhere else."""
    until = utcnow() + timedelta(days=new.days) if new.days is not None else None
    wanted = NewKey(new.name, new.user_id or user.user_id, frozenset(new.scopes), new.requests_per_minute, until)
    with transaction(request.app.state.sessions) as session:
        key, secret = api_keys.make(session, user.user_id, wanted)
    return NewKeyOut(**_out(key).model_dump(), key=secret)


@router.delete(
    "/{key_id}",
    status_code=204,
    summary="Revoke an API key",
    response_class=Response,
    responses=refusals(_404="No such key."),
)
def revoke(request: Request, user: Admin, key_id: Id) -> None:
    """From now on it opens nothing. Revoking twice is once."""
    with transaction(request.app.state.sessions) as session:
        api_keys.revoke(session, user.user_id, key_id)
