"""What only a bucket can get wrong: a server that is away, keys that are refused, a package that is missing."""

import importlib.util

import pytest

from app.core.errors import WingcheckError
from app.core.storage import make_storage
from tests.conftest import make_settings
from tests.running import free_port
from tests.s3 import s3_server, s3_settings

SECRET = "a-very-secret-value"


def storage_at(folder, url, bucket="photos"):
    return make_storage(make_settings(folder, **s3_settings(url, bucket) | {"s3_secret_access_key": SECRET}))


@pytest.mark.parametrize(
    "action",
    [
        lambda s: s.put("a", b"x"),
        lambda s: s.get("a"),
        lambda s: s.exists("a"),
        lambda s: s.delete("a"),
        lambda s: list(s.keys()),
        lambda s: s.check(),
    ],
    ids=["put", "get", "exists", "delete", "keys", "check"],
)
def test_a_server_that_is_away_is_an_error_of_the_storage(tmp_path, monkeypatch, action):
    monkeypatch.setattr("app.core.storage.s3.RETRIES", 0)
    with pytest.raises(OSError, match="can't be reached") as found:
        action(storage_at(tmp_path, f"http://127.0.0.1:{free_port()}"))
    assert SECRET not in str(found.value)


def test_a_bucket_that_is_not_there_fails_the_check(tmp_path):
    with s3_server() as url, pytest.raises(OSError, match=r"refuses.*NoSuchBucket") as found:
        storage_at(tmp_path, url).check()
    assert SECRET not in str(found.value)


def test_without_the_package_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(WingcheckError, match=r"wingcheck\[s3\]"):
        storage_at(tmp_path, "http://127.0.0.1:9")


def test_keys_are_shown_nowhere(tmp_path):
    settings = make_settings(tmp_path, **s3_settings("http://127.0.0.1:9", "photos") | {"s3_secret_access_key": SECRET})
    assert SECRET not in repr(settings)
    assert SECRET not in repr(vars(make_storage(settings)))
