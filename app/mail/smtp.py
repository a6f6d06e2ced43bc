"""Handing one message to the mail server, step by step, so that what fails has a name and nothing is sent twice."""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr

from email_validator import EmailNotValidError, validate_email

from app.core.errors import WingcheckError
from app.core.settings import Settings

_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
_LONGEST_REPLY = 300
Tell = Callable[[str], None]


class NotNow(WingcheckError):
    """It could not be sent, and may be later. ``whole_server``: no other mail would have got through either."""

    def __init__(self, detail: str, *, whole_server: bool = False) -> None:
        super().__init__(detail)
        self.whole_server = whole_server


class Refused(WingcheckError):
    """The server will never take this mail: its recipient or its text was refused for good (5xx)."""


class Unclear(WingcheckError):
    """The connection broke after the text had begun to leave: it may have arrived, or not."""


class Connection:
    """An open connection to the mail server, for one message: ``begin``, then ``deliver``."""

    def __init__(self, smtp: smtplib.SMTP, settings: Settings, tell: Tell) -> None:
        self._smtp = smtp
        self._bounce = parseaddr(settings.mail_bounce or settings.mail_from)[1]
        self._tell = tell
        self._needs_utf8 = False

    def begin(self, recipient: str) -> None:
        """Name sender and recipient. Until ``deliver`` nothing is sent. Raises NotNow, Refused."""
        address, self._needs_utf8 = _for_envelope(recipient)
        with _named("the sender"):
            try:
                reply = self._smtp.mail(self._bounce, ["SMTPUTF8"] if self._needs_utf8 else [])
            except smtplib.SMTPNotSupportedError as error:
                raise Refused("the mail server takes no such addresses (no SMTPUTF8)") from error
        if reply[0] != 250:  # it concerns every mail, so none of them is given up for it
            raise NotNow(f"the server refuses the sender {self._bounce}: {_text(reply)}", whole_server=True)
        self._tell(f"the sender {self._bounce} is accepted")
        with _named("the recipient"):
            reply = self._smtp.rcpt(address)
        _check(reply, "the recipient", accepted=(250, 251))
        self._tell(f"the recipient {recipient} is accepted")

    def deliver(self, message: EmailMessage) -> None:
        """Send the text. Raises NotNow and Refused where the server did not take it, Unclear where nobody can know."""
        content = message.as_bytes(policy=SMTPUTF8 if self._needs_utf8 else SMTP)
        with _named("the message"):
            reply = self._smtp.docmd("DATA")
        _check(reply, "the message", accepted=(354,))
        try:
            self._smtp.send(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
            reply = self._smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise Unclear(f"the connection broke while the message was sent: {_reason(error)}") from error
        _check(reply, "the message")
        self._tell(f"the message is accepted: {_text(reply)}")


@contextmanager
def connected(settings: Settings, tell: Tell = lambda _step: None) -> Iterator[Connection]:
    """A connection, encrypted and signed in as the settings say. ``tell`` hears of each step. Raises NotNow."""
    smtp = _open(settings, tell)
    try:
        yield Connection(smtp, settings, tell)
    finally:
        try:
            smtp.quit()
        except (smtplib.SMTPException, OSError):
            smtp.close()


def _open(settings: Settings, tell: Tell) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port or _PORTS[settings.smtp_tls]
    with _named(f"connecting to {host}, port {port}"):
        context = ssl.create_default_context(cafile=settings.smtp_ca_file or None)
        # Asking the network for this machine's own name may take seconds.
        name = parseaddr(settings.mail_from)[1].partition("@")[2].encode("idna").decode()
        if settings.smtp_tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, name, timeout=settings.smtp_timeout_seconds, context=context
            )
        else:
            smtp = smtplib.SMTP(host, port, name, timeout=settings.smtp_timeout_seconds)
    tell(f"connected to {host}, port {port}{', with TLS' if settings.smtp_tls == 'implicit' else ''}")
    try:
        with _named("the greeting"):
            smtp.ehlo_or_helo_if_needed()
        if settings.smtp_tls == "starttls":
            with _named("STARTTLS"):
                smtp.starttls(context=context)
                smtp.ehlo()
            tell("the connection is encrypted (STARTTLS)")
        if settings.smtp_user:
            password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
            with _named(f"signing in as {settings.smtp_user}"):
                smtp.login(settings.smtp_user, password)
            tell(f"signed in as {settings.smtp_user}")
    except BaseException:
        smtp.close()
        raise
    return smtp


@contextmanager
def _named(step: str) -> Iterator[None]:
    """Whatever goes wrong before the text leaves can be tried again, and concerns every mail."""
    try:
        yield
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotNow(f"{step} failed: {_reason(error)}", whole_server=True) from error


def _reason(error: Exception) -> str:
    """Why, in words for whoever runs the service."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _text((error.smtp_code, error.smtp_error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); see WINGCHECK_SMTP_CA_FILE"
    if isinstance(error, ssl.SSLError):
        return f"no TLS ({error.reason or error}); see WINGCHECK_SMTP_TLS"
    if isinstance(error, socket.gaierror):
        return "no server of this name is known"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or error)


def _text(reply: tuple[int, bytes | str]) -> str:
    code, text = reply
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:_LONGEST_REPLY]


def _check(reply: tuple[int, bytes], what: str, accepted: tuple[int, ...] = (250,)) -> None:
    if reply[0] in accepted:
        return
    sentence = f"the server refuses {what}: {_text(reply)}"
    if 500 <= reply[0] < 600:
        raise Refused(sentence)
    raise NotNow(sentence, whole_server=reply[0] == 421)


def _for_envelope(recipient: str) -> tuple[str, bool]:
    """The address as servers take it, and whether it needs SMTPUTF8. Raises Refused for what is no address."""
    try:
        valid = validate_email(recipient, check_deliverability=False)
    except EmailNotValidError as error:
        raise Refused(f"this is no address: {error}") from error
    return valid.ascii_email or valid.normalized, valid.ascii_email is None
