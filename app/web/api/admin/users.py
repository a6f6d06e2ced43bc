"""Users over JSON: list, add, change, sign out."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StrictBool
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.accounts import Role
from app.models import User
from app.services import account_links, accounts, people
from app.web.account_services import PasswordsDep, UserSessionsDep
from app.web.account_views import full_address
from app.web.api.admin.shared import Id, Name, refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession
from app.web.openapi import EMAIL_ADDRESS

router = APIRouter(prefix="/api/v1/admin/users", tags=["people"])


class UserOut(BaseModel):
    """Somebody who may sign in, or might once."""

    id: int
    email: str
    name: str
    role: Role
    active: bool
    must_change_password: bool = Field(description="A new password must be chosen at the next visit.")
    language: str
    created_at: datetime
    last_seen_at: datetime | None


class NewUserIn(BaseModel):
    email: EMAIL_ADDRESS
    name: Name
    role: Role = Role.REVIEWER


class AddedUserOut(UserOut):
    first_password: str = Field(description="Told this once. It must be changed at the first visit.")


class UserChanges(BaseModel):
    """What is left out stays as it is."""

    name: Name | None = None
    role: Role | None = None
    active: StrictBool | None = Field(None, description="false: may not sign in, sessions end, keys stop working.")
    must_change_password: StrictBool | None = Field(None, description="true: require a new password at the next visit.")


class SessionOut(BaseModel):
    """A browser in which the user is signed in."""

    id: int
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


class LinkOut(BaseModel):
    """A link that works once."""

    url: str = Field(description="Told this once; hand it over.")
    expires_at: datetime


class EndedOut(BaseModel):
    ended: int = Field(description="How many sessions there were.")


def _out(user: User) -> UserOut:
    return UserOut.model_validate(user, from_attributes=True)


@router.get("", summary="List users", response_model=list[UserOut], responses=refusals())
def list_users(_user: Admin, session: ReadSession) -> list[UserOut]:
    """Everybody, those who may sign in first."""
    return [_out(user) for user in people.everybody(session)]


@router.post(
    "",
    status_code=201,
    summary="Add a user with a first password",
    response_model=AddedUserOut,
    responses=refusals(_409="The address has an account.", _422="That is no address; see `errors`."),
)
def add_user(request: Request, user: Admin, passwords: PasswordsDep, new: NewUserIn) -> AddedUserOut:
    """To have people choose their own password, invite them instead."""
    with transaction(request.app.state.sessions) as session:
        added, password = people.add(session, passwords, user.user_id, email=new.email, name=new.name, role=new.role)
    return AddedUserOut(**_out(added).model_dump(), first_password=password)


@router.get("/{user_id}", summary="Look at a user", response_model=UserOut, responses=refusals(_404="No such user."))
def show_user(_user: Admin, user_id: Id, session: ReadSession) -> UserOut:
    """One user."""
    return _out(accounts.get(session, user_id))


@router.patch(
    "/{user_id}",
    summary="Change a user",
    response_model=UserOut,
    responses=refusals(_404="No such user.", _409="This is the last admin."),
)
def change_user(request: Request, user: Admin, user_id: Id, sessions: UserSessionsDep, changes: UserChanges) -> UserOut:
    """All of it or, where something is refused, nothing."""
    with transaction(request.app.state.sessions) as session:
        _apply(session, sessions, user.user_id, user_id, changes)
        return _out(accounts.get(session, user_id))


def _apply(session: Session, sessions: UserSessionsDep, by: int, user_id: int, changes: UserChanges) -> None:
    accounts.get(session, user_id)
    if changes.name is not None:
        people.rename(session, by, user_id, changes.name)
    if changes.role is not None:
        people.change_role(session, by, user_id, changes.role)
    if changes.active is True:
        people.activate(session, by, user_id)
    elif changes.active is False:
        people.deactivate(session, sessions, by, user_id)
    if changes.must_change_password:
        people.require_new_password(session, by, user_id)


@router.post(
    "/{user_id}/password-link",
    status_code=201,
    summary="Make a link for a new password",
    response_model=LinkOut,
    responses=refusals(_404="No such user.", _409="The account is deactivated."),
)
def make_password_link(request: Request, user: Admin, user_id: Id) -> LinkOut:
    """It works once, for a day; links made before are void."""
    with transaction(request.app.state.sessions) as session:
        link = account_links.make_password_reset(session, user.user_id, user_id)
    return LinkOut(url=full_address(request, link.path), expires_at=link.row.expires_at)


@router.get(
    "/{user_id}/sessions",
    summary="Where a user is signed in",
    response_model=list[SessionOut],
    responses=refusals(_404="No such user."),
)
def list_sessions(_user: Admin, user_id: Id, session: ReadSession, sessions: UserSessionsDep) -> list[SessionOut]:
    """The one used last comes first."""
    accounts.get(session, user_id)
    return [SessionOut.model_validate(row, from_attributes=True) for row in sessions.of(session, user_id)]


@router.delete(
    "/{user_id}/sessions",
    summary="Sign a user out everywhere",
    response_model=EndedOut,
    responses=refusals(_404="No such user."),
)
def end_sessions(request: Request, user: Admin, user_id: Id, sessions: UserSessionsDep) -> EndedOut:
    """API keys go on working."""
    with transaction(request.app.state.sessions) as session:
        return EndedOut(ended=people.end_all_sessions(session, sessions, user.user_id, user_id))


@router.delete(
    "/{user_id}/sessions/{session_id}",
    status_code=204,
    summary="Sign a user out in one browser",
    response_class=Response,
    responses=refusals(_404="This user has no such session."),
)
def end_session(request: Request, user: Admin, user_id: Id, session_id: Id, sessions: UserSessionsDep) -> None:
    """Ending one that is over already changes nothing."""
    with transaction(request.app.state.sessions) as session:
        people.end_session(session, sessions, user.user_id, user_id, session_id)
