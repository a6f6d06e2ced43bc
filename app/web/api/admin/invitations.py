"""Invitations over JSON."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.db import transaction
from app.domain.accounts import Role
from app.models import AccountLink
from app.services import account_links
from app.web.account_views import full_address
from app.web.api.admin.shared import Id, refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession
from app.web.openapi import EMAIL_ADDRESS

router = APIRouter(prefix="/api/v1/admin/invitations", tags=["people"])


class InvitationIn(BaseModel):
    role: Role
    email: EMAIL_ADDRESS | None = Field(None, description="Left out, whoever has the link may use it.")


class InvitationOut(BaseModel):
    """A link that makes an account once."""

    id: int
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    user_id: int | None = Field(description="Who came of it.")


class NewInvitationOut(InvitationOut):
    url: str = Field(description="Told this once; hand it over.")


def _out(link: AccountLink) -> InvitationOut:
    return InvitationOut.model_validate(link, from_attributes=True)


@router.get("", summary="List invitations", response_model=list[InvitationOut], responses=refusals())
def list_invitations(_user: Admin, session: ReadSession) -> list[InvitationOut]:
    """Those that are open or ended within a month, the newest first."""
    return [_out(link) for link in account_links.invitations(session)]


@router.post(
    "",
    status_code=201,
    summary="Invite somebody",
    response_model=NewInvitationOut,
    responses=refusals(_409="The address has an account.", _422="That is no address; see `errors`."),
)
def invite(request: Request, user: Admin, new: InvitationIn) -> NewInvitationOut:
    """An older open invitation of the same address is void."""
    with transaction(request.app.state.sessions) as session:
        link = account_links.invite(session, user.user_id, new.email or "", new.role)
    return NewInvitationOut(**_out(link.row).model_dump(), url=full_address(request, link.path))


@router.delete(
    "/{invitation_id}",
    status_code=204,
    summary="Take an invitation back",
    response_class=Response,
    responses=refusals(_404="No such invitation.", _409="It was used already."),
)
def revoke(request: Request, user: Admin, invitation_id: Id) -> None:
    """Taking one back twice is once."""
    with transaction(request.app.state.sessions) as session:
        account_links.revoke_invitation(session, user.user_id, invitation_id)
