"""`wingcheck volunteer`: what is known of one volunteer, to hand over or to delete."""

from pathlib import Path
from typing import Annotated

import typer

from app.core.commands import out, sessions
from app.core.db import reading, transaction
from app.core.settings import get_settings
from app.core.storage import make_storage
from app.core.storage.deletions import make_journal
from app.submissions import volunteers
from app.volunteers.data import SUMMARY, VolunteerData, find
from app.volunteers.deleting import Deleting

volunteer = typer.Typer(no_args_is_help=True, help="What is known of one volunteer: hand it over, or delete it.")

Who = Annotated[
    str, typer.Argument(help="Confirmed e-mail address, link or token of a submission, or the key in the cookie.")
]


@volunteer.command("export")
def export(
    who: Who, folder: Annotated[Path, typer.Option("--out", help="New folder to write it to.")] = Path("volunteer")
) -> None:
    """Write everything that is known of a volunteer, with the photos as they were sent."""
    data, volunteer_ids = _find(who)
    count = data.export(volunteer_ids, folder)
    out.print(f"{folder} holds {SUMMARY} and {count} photos of {len(volunteer_ids)} volunteer(s).")


@volunteer.command("delete")
def delete(who: Who, yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False) -> None:
    """Withdraw everything a volunteer sent and forget who that was. Nobody can bring it back."""
    _, volunteer_ids = _find(who)
    if not yes:
        typer.confirm(
            f"Delete photos, places, notes and address of {len(volunteer_ids)} volunteer(s) for good?", abort=True
        )
    settings = get_settings()
    deleted = Deleting(sessions(), make_storage(settings), make_journal(settings)).erase(volunteer_ids)
    out.print(
        f"Deleted: {deleted.submissions} submissions of {deleted.volunteers} volunteer(s). Older backups still hold them."
    )


@volunteer.command("forget-address")
def forget_address(address: Annotated[str, typer.Argument(help="E-mail address.")]) -> None:
    """Forget an address wherever it was typed, confirmed or not, and send it nothing more. Submissions stay."""
    with transaction(sessions()) as session:
        count = volunteers.forget_address(session, address)
    out.print(f"Forgotten: the address of {count} volunteer(s). Older backups still hold it.")


def _find(who: str) -> tuple[VolunteerData, list[int]]:
    factory = sessions()
    with reading(factory) as session:
        volunteer_ids = [volunteer.id for volunteer in find(session, who)]
    return VolunteerData(factory, make_storage(get_settings())), volunteer_ids
