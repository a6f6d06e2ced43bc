"""Accounts travel with a backup; secrets do not."""

import tarfile

from app.accounts.api_keys import ApiKeys
from app.accounts.links import RESETTING, Links
from app.accounts.sessions import UserSessions
from app.accounts.users import Passwords
from app.core.db import make_engine
from app.core.storage import make_storage
from app.upkeep.backup import back_up
from app.upkeep.restore import restore
from tests.conftest import make_settings, running
from tests.people import write_accounts


def test_whoever_was_signed_in_is_so_after_a_restore_and_no_secret_lies_in_the_backup(lite, tmp_path):
    secrets = write_accounts(lite.sessions)
    settings = lite.settings
    back_up(settings, make_engine(settings.database_url), make_storage(settings), tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as bag:
        contents = b"".join(file.read() for member in bag if (file := bag.extractfile(member)) is not None)
    assert b"next@example.org" in contents
    for secret in secrets.values():
        assert secret.encode() not in contents

    place = make_settings(tmp_path / "new")
    restore(place, make_engine(place.database_url), make_storage(place), tmp_path / "b.tar")
    with running(place) as again:
        sessions = UserSessions(again.sessions, days=30, idle_days=7)
        found = sessions.find(secrets["session"])
        assert found is not None
        assert found.user.name == "Renamed"
        assert ApiKeys(again.sessions).find(secrets["key"]) is not None
        assert Links(again.sessions, Passwords(), sessions).find(secrets["link"], RESETTING).user_id == found.user_id
