"""Services here ask for addresses: they would send mail, through a server that is away."""

import pytest

from tests.conftest import copy_of, make_settings, running
from tests.mailbox import AWAY


@pytest.fixture
def settings(tmp_path, database_url):
    return make_settings(tmp_path, database_url=database_url, **AWAY)


@pytest.fixture
def lite(tmp_path, sqlite_template):
    with running(make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), **AWAY)) as found:
        yield found
