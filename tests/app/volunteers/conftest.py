"""Services here ask for addresses: they would send mail, through a server that is away."""

import pytest

from tests.conftest import copy_of, make_settings, running

MAIL = {"smtp_host": "127.0.0.1", "mail_from": "a@example.org", "public_url": "https://count.example.org"}


@pytest.fixture
def settings(tmp_path, database_url):
    return make_settings(tmp_path, database_url=database_url, **MAIL)


@pytest.fixture
def lite(tmp_path, sqlite_template):
    with running(make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), **MAIL)) as found:
        yield found
