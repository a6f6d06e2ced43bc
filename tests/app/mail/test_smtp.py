"""The mail server in all its moods, and `wingcheck mail test`, which says clearly what fails."""

import pytest
from pydantic import ValidationError

from app.mail.rules import pause_after
from tests.conftest import make_settings
from tests.mailbox import certificate, mail_server

ADDRESS = "somebody@example.org"


@pytest.fixture
def tell(wingcheck, monkeypatch):
    """Set settings, and run the test of the mail server."""
    from app.core.settings import get_settings

    def run(address=ADDRESS, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"WINGCHECK_{name.upper()}", str(value))
        get_settings.cache_clear()
        code, out, err = wingcheck("mail", "test", address)
        return code, " ".join((out + err).split())

    return run


def test_encrypted_and_signed_in_and_what_goes_wrong_on_the_way(tell, tmp_path):
    file = certificate(tmp_path)
    assert tell() == (1, "wingcheck: no mail server is set: WINGCHECK_SMTP_HOST")
    with mail_server(file, password="six brown wings") as mailbox:
        settings = mailbox.settings | {"smtp_user": "count", "smtp_password": "six brown wings"}
        code, said = tell(**settings)
        assert code == 1  # no TLS, so no signing in
        assert "signing in as count failed" in said, said
        code, said = tell(smtp_tls="starttls")
        assert code == 1
        assert "STARTTLS failed: its certificate is not trusted" in said, said
        code, said = tell(smtp_ca_file=file, smtp_password="something else")
        assert code == 1
        assert "signing in as count failed: 535" in said, said
        mailbox.refuse["nobody@example.org"] = "550 nobody of this name"
        code, said = tell("nobody@example.org", smtp_password="six brown wings")
        assert code == 1
        assert "the server refuses the recipient: 550 nobody of this name" in said, said
        code, said = tell(mail_bounce="bounces@example.org")
        assert code == 0, said
        for step in (
            "the connection is encrypted (STARTTLS)",
            "signed in as count",
            "bounces@example.org is accepted",
            "Sent.",
        ):
            assert step in said
        [mail] = mailbox.mails
        assert (mail["To"], mail["Subject"]) == (ADDRESS, "A test of Wingcheck’s mail")
        assert mailbox.senders == ["bounces@example.org"]
        code, said = tell("a@example.org\r\nBcc: b@example.org")
        assert code == 1
        assert "this is no address" in said, said
        assert len(mailbox.mails) == 1
    code, said = tell(smtp_timeout_seconds="2")
    assert code == 1
    assert "connecting to 127.0.0.1" in said, said


@pytest.mark.parametrize(
    "values",
    [
        {"mail_from": "count@example.org"},
        {"public_url": "https://count.example.org"},
        {"public_url": "https://count.example.org", "mail_from": "count"},
        {"public_url": "https://count.example.org", "mail_from": "a@example.org\nBcc: b@example.org"},
        {"public_url": "https://count.example.org", "mail_from": "a@example.org", "mail_bounce": "x"},
    ],
)
def test_settings_that_can_not_work_are_refused(tmp_path, values):
    with pytest.raises(ValidationError, match="WINGCHECK_"):
        make_settings(tmp_path, smtp_host="localhost", **values)


def test_pauses_grow_to_four_hours():
    minutes = [pause_after(n).total_seconds() / 60 for n in (1, 2, 3, 8, 9, 1000)]
    assert minutes == [1, 2, 4, 128, 240, 240]
