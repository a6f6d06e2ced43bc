"""A service with a mail server, once on SQLite and once on PostgreSQL."""

import pytest

from tests.conftest import make_settings, running
from tests.mailbox import mail_server


@pytest.fixture
def mailbox():
    with mail_server() as found:
        yield found


@pytest.fixture
def posting(tmp_path, database_url, mailbox):
    """A running service that sends mail."""
    with running(make_settings(tmp_path, database_url=database_url, **mailbox.settings)) as found:
        yield found
