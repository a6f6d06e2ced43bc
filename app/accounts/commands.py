"""`wingcheck users`: who may sign in. For the first admin, and for whoever lost the last password."""

from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.accounts import erasure, links, people
from app.accounts import users as user_accounts
from app.accounts.links import NewLink
from app.accounts.tables import User
from app.accounts.users import Passwords
from app.core.commands import err, out, sessions
from app.core.db import reading, transaction
from app.core.errors import NotFound
from app.core.roles import Role
from app.core.settings import Settings, get_settings
from app.core.storage.deletions import make_journal

users = typer.Typer(no_args_is_help=True, help="User accounts.")
Email = Annotated[str, typer.Argument(help="E-mail address of the account.")]
RoleOption = Annotated[Role, typer.Option("--role", help="Role; each includes the rights of those before it.")]


def address(settings: Settings, path: str) -> str:
    """The full address of a page of the service."""
    local = {"0.0.0.0", "127.0.0.1", "::"}  # noqa: S104
    host = "localhost" if settings.host in local else settings.host
    host = f"[{host}]" if ":" in host else host
    return (settings.public_url.rstrip("/") or f"http://{host}:{settings.port}") + path


def say_first_admin(settings: Settings) -> None:
    """Print a link that makes the first admin, where there is no admin yet."""
    try:
        with transaction(sessions()) as session:
            if links.has_admin(session):
                return
            link = links.make_first_admin(session)
    except SQLAlchemyError as error:  # whether there is a link or not, the service must come up
        reason = " ".join(str(getattr(error, "orig", error)).split())
        err.print(f"No link for the first admin ({reason}); 'wingcheck users first-admin-link' creates one.")
        return
    out.print(
        "\n  There is no admin yet. Open this link to become the first one; it works once, for two days:",
        soft_wrap=True,
    )
    _print_link(settings, link)
    out.print()
    out.file.flush()  # where the output is a file or a pipe, somebody is waiting for this


def _print_link(settings: Settings, link: NewLink) -> None:
    out.print(f"  {address(settings, link.path)}", soft_wrap=True, highlight=False)


def _hand_over(link: NewLink) -> None:
    out.print(f"Pass this link on; it works once, until {link.row.expires_at:%d %B %Y, %H:%M} UTC:")
    _print_link(get_settings(), link)


@users.command("first-admin-link")
def first_admin_link() -> None:
    """Print a link that creates the first admin; existing admins invite others."""
    with transaction(sessions()) as session:
        link = links.make_first_admin(session)
    _hand_over(link)


@users.command("list")
def list_users() -> None:
    """List everybody who may sign in, or might once."""
    with reading(sessions()) as session:
        everybody = people.everybody(session)
    if not everybody:
        out.print("No accounts yet; start with 'wingcheck users first-admin-link'.")
        return
    table = Table("id", "name", "e-mail", "role", "active", "last here")
    for user in everybody:
        last = f"{user.last_seen_at:%Y-%m-%d %H:%M}" if user.last_seen_at else "never"
        table.add_row(str(user.id), user.name, user.email, user.role.value, "yes" if user.active else "no", last)
    out.print(table)


@users.command("invite")
def invite(
    email: Annotated[str, typer.Argument(help="Who is invited.")] = "", role: RoleOption = Role.REVIEWER
) -> None:
    """Print an invitation. Without an address, whoever has the link may use it."""
    with transaction(sessions()) as session:
        link = links.invite(session, None, email, role)
    _hand_over(link)


@users.command("add")
def add(
    email: Email,
    name: Annotated[str, typer.Option("--name", help="How others see them.")],
    role: RoleOption = Role.REVIEWER,
) -> None:
    """Add somebody with a first password, which is printed once and must be changed at the first visit."""
    with transaction(sessions()) as session:
        user = User(email=email, name=name, role=role)
        password = people.add(session, None, user, Passwords())
    out.print(f"{user.email} can sign in with the first password {password}", soft_wrap=True, highlight=False)


@users.command("reset-password")
def reset_password(email: Email) -> None:
    """Print a link with which a user chooses a new password."""
    with transaction(sessions()) as session:
        link = links.make_password_reset(session, None, _find(session, email).id)
    _hand_over(link)


@users.command("role")
def change_role(email: Email, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Give a user another role."""
    with transaction(sessions()) as session:
        people.change_role(session, None, _find(session, email).id, role)
    out.print(f"{email} is now {role.value}.")


@users.command("deactivate")
def deactivate(email: Email) -> None:
    """Let a user in no longer: sessions end, API keys stop working."""
    with transaction(sessions()) as session:
        people.deactivate(session, None, _find(session, email).id)
    out.print(f"{email} can no longer sign in.")


@users.command("activate")
def activate(email: Email) -> None:
    """Let a user in again."""
    with transaction(sessions()) as session:
        people.activate(session, None, _find(session, email).id)
    out.print(f"{email} can sign in again.")


@users.command("erase")
def erase(email: Email, yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False) -> None:
    """Erase a deactivated account for good: e-mail address, name, password, sessions, keys. Decisions stay, without a name."""
    with reading(sessions()) as session:
        user_id = _find(session, email).id
    if not yes:
        typer.confirm(f"Erase {email}? This can't be undone", abort=True)
    with transaction(sessions()) as session:
        name = erasure.erase(session, None, user_id, make_journal(get_settings()))
    out.print(f"The account was erased; its decisions are those of {name}.")


def _find(session: Session, email: str) -> User:
    user = user_accounts.find(session, email)
    if user is None:
        raise NotFound(f"nobody has the address {email!r} here; 'wingcheck users list' shows who there is")
    return user
