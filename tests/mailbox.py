"""A mail server of somebody else's: it takes what it is sent, unless it is told to refuse."""

import datetime
import email
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import update

from app.core import jobs
from app.core.db import transaction, utcnow
from app.mail.rules import MailState
from app.mail.tables import Mail
from tests.conftest import Service
from tests.running import free_port

# Settings of a service that asks for addresses, as it would send mail, through a server that is away.
AWAY = {"smtp_host": "127.0.0.1", "mail_from": "a@example.org", "public_url": "https://count.example.org"}


class Mailbox:
    """``refuse``: the answer to a recipient. ``breaks``: the connection breaks after the text has arrived."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.senders: list[str | None] = []
        self.refuse: dict[str, str] = {}
        self.breaks = False
        self.port = free_port()

    async def handle_RCPT(
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        self.senders.append(envelope.mail_from)
        if self.breaks:
            server.transport.abort()
        return "250 taken"

    @property
    def settings(self) -> dict[str, str]:
        """What the service must know of it."""
        return {
            "smtp_host": "127.0.0.1",
            "smtp_port": str(self.port),
            "smtp_tls": "none",
            "mail_from": "Garden count <count@example.org>",
            "public_url": "https://count.example.org",
        }

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to somebody, the oldest first."""
        return [mail for mail in self.mails if mail["To"] == address]


@contextmanager
def mail_server(certificate: Path | None = None, password: str = "") -> Iterator[Mailbox]:
    """A server on this machine. With a certificate it wants STARTTLS, with a password also that ``count`` signs in."""
    mailbox = Mailbox()
    options: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        options = {"tls_context": context, "require_starttls": True}
    if password:
        options |= {"authenticator": _only("count", password), "auth_required": True}
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def _only(user: str, password: str) -> Any:
    def check(_server: Any, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    return check


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1, which nobody else vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
    made = (
        builder.not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, False).sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def make_due(sessions: Any) -> None:
    """As if the time had come for every mail that waits."""
    with transaction(sessions) as session:
        session.execute(update(Mail).where(Mail.state == MailState.PENDING).values(next_try_at=utcnow()))


def deliver(service: Service) -> None:
    """Have the worker send everything that waits."""
    make_due(service.sessions)
    service.worker.mailing.look()
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
