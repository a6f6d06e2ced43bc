"""Making the text of a mail, in its reader's language: plain text, and the same as simple HTML without pictures.

A kind's template is one list of paragraphs, quotes and links; it is rendered twice, with the macros of ``mail/_text.html`` and
of ``mail/_html.html``. It sets ``subject``.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.core.paths import TEMPLATES
from app.core.settings import Settings
from app.core.web.i18n import Language
from app.mail.rules import LISTS, MailKind
from app.mail.tables import Mail
from app.mail.tokens import MailTokens

Part = Mapping[str, Any]


@dataclass(frozen=True)
class Contents:
    """How a kind of mail is filled. ``part``: what one row tells, None where it is no longer true."""

    template: str
    part: Callable[[Session, Mail, Language], Part | None]


AllContents = Mapping[MailKind, Contents]


@lru_cache
def _environment(code: str) -> Environment:
    language = Language(code)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        # What the macros are given is plain text.
        autoescape=lambda name: name == "mail/_html.html",  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = language.catalogue
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        catalogue.gettext, catalogue.ngettext, newstyle=True
    )
    environment.filters["date"] = language.date
    environment.filters["moment"] = language.moment
    return environment


def render(template: str, language: str, **context: Any) -> tuple[str, str, str]:
    """Subject, plain text and HTML."""
    environment = _environment(language)
    found = environment.get_template(template)
    subject, bodies = "", []
    for parts in ("mail/_text.html", "mail/_html.html"):
        module: Any = found.make_module({"parts": parts, **context})
        subject, body = " ".join(str(module.subject).split()), str(module).strip()
        bodies.append(body)
    html = f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"></head>\n<body>\n{bodies[1]}\n</body></html>\n'
    return subject, bodies[0] + "\n", html


class Writer:
    """Makes the message of one mail, or of several that go to one reader together."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.tokens = MailTokens(settings.signing_key())

    def message(self, template: str, mails: Sequence[Mail], parts: Sequence[Part]) -> EmailMessage:
        """The message for the reader of ``mails``, which are of one kind and hold at least one; a part for each."""
        first = mails[0]
        stop = self._stop_path(first)
        subject, text, html = render(
            template,
            first.language,
            items=parts,
            address=self._settings.address_of,
            stop=self._settings.address_of(stop) if stop else "",
        )
        message = self.envelope(first.recipient, subject, f"{first.key}")
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        if stop:
            message["List-Unsubscribe"] = f"<{self._settings.address_of(stop)}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return message

    def envelope(self, recipient: str, subject: str, key: str) -> EmailMessage:
        """The headers of every mail. The same ``key`` gives the same Message-ID, so that servers recognise a repeat."""
        message = EmailMessage()
        name, sender = parseaddr(self._settings.mail_from)
        message["From"] = Address(name, addr_spec=sender)
        message["To"] = Address(addr_spec=recipient)
        message["Subject"] = subject
        message["Date"] = format_datetime(utcnow())
        domain = sender.partition("@")[2].encode("idna").decode()
        message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        return message

    def _stop_path(self, mail: Mail) -> str:
        """Where this mail's reader stops mails like it; empty for what is only sent on request."""
        of = LISTS.get(mail.kind)
        if of is None:
            return ""
        reader = ("volunteer", mail.volunteer_id) if mail.volunteer_id is not None else ("user", mail.user_id)
        return (
            f"/mail/stop/{self.tokens.make('stop', reader[0], reader[1] or 0, self.tokens.digest(mail.recipient), of)}"
        )
