"""`wingcheck mail`: try the mail server."""

from typing import Annotated

import typer

from app.core.commands import out
from app.core.db import utcnow
from app.core.errors import WingcheckError
from app.core.settings import get_settings
from app.mail.rendering import Writer, render
from app.mail.smtp import NotNow, Refused, Unclear, connected

mail = typer.Typer(no_args_is_help=True, help="Outgoing mail.")


@mail.callback()
def _mail() -> None:
    """Has commands of its own, even while there is only one."""


@mail.command("test")
def test(address: Annotated[str, typer.Argument(help="Where to send it.")]) -> None:
    """Send one mail now, and say each step; or say clearly which one fails."""
    settings = get_settings()
    if not settings.sends_mail:
        raise WingcheckError("no mail server is set: WINGCHECK_SMTP_HOST")
    try:
        with connected(settings, out.print) as server:
            server.begin(address)
            subject, text, _html = render("mail/test.html", settings.default_language, address=settings.public_url)
            message = Writer(settings).envelope(address, subject, f"test:{address}:{utcnow().isoformat()}")
            message.set_content(text)
            server.deliver(message)
    except (NotNow, Refused, Unclear) as error:
        raise WingcheckError(error.detail) from error
    out.print(f"Sent. If it does not arrive, look among the unwanted mail of {address}.")
