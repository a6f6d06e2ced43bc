"""A bucket of any server that speaks S3. Needs boto3 (``pip install wingcheck[s3]``), which is imported at first use."""

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.core.errors import WingcheckError
from app.core.settings import Settings
from app.core.storage import WRITING, StoredFile, check_key

RETRIES = 3
PAGE = 1000
_MISSING = {"404", "NoSuchKey", "NotFound"}


class S3Storage:
    """One bucket, or what lies under a prefix in it. S3 writes an object completely or not at all.

    Without keys in the settings, boto3 uses its own sources (environment, profile, the machine's role). Thread-safe.
    """

    def __init__(self, settings: Settings) -> None:
        if importlib.util.find_spec("boto3") is None:
            raise WingcheckError("photos in S3 need boto3: install 'wingcheck[s3]'")
        self._settings = settings
        self._bucket = settings.s3_bucket
        self._prefix = f"{settings.s3_prefix.strip('/')}/" if settings.s3_prefix.strip("/") else ""
        self._lock = threading.Lock()
        self._opened: Any = None

    def _client(self) -> Any:
        with self._lock:
            if self._opened is None:
                self._opened = _make_client(self._settings)
            return self._opened

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def put(self, key: str, data: bytes) -> None:
        name = self._name(key)
        with _os_errors():
            if self._size(name) != len(data):
                self._client().put_object(Bucket=self._bucket, Key=name, Body=data)

    def get(self, key: str) -> bytes:
        with _os_errors():
            data: bytes = self._client().get_object(Bucket=self._bucket, Key=self._name(key))["Body"].read()
            return data

    def exists(self, key: str) -> bool:
        with _os_errors():
            return self._size(self._name(key)) is not None

    def _size(self, name: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            return int(self._client().head_object(Bucket=self._bucket, Key=name)["ContentLength"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise

    def delete(self, key: str) -> None:
        with _os_errors():
            self._client().delete_object(Bucket=self._bucket, Key=self._name(key))

    def keys(self, prefix: str = "") -> Iterator[str]:
        return (file.key for file in self.files(prefix))

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        with _os_errors():
            paginator = self._client().get_paginator("list_objects_v2")
            for page in paginator.paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix, PaginationConfig={"PageSize": PAGE}
            ):
                for entry in page.get("Contents", ()):
                    key = entry["Key"].removeprefix(self._prefix)
                    if not key.rpartition("/")[2].startswith(WRITING):
                        yield StoredFile(key, entry["Size"], entry["LastModified"])

    def leftovers(self) -> Iterator[StoredFile]:
        """None: an unfinished object never appears."""
        return iter(())

    def check(self) -> None:
        name = f"{self._prefix}{WRITING}check"
        with _os_errors():
            self._client().put_object(Bucket=self._bucket, Key=name, Body=b"wingcheck")
            self._client().delete_object(Bucket=self._bucket, Key=name)


def _make_client(settings: Settings) -> Any:
    import boto3
    from botocore.config import Config

    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    # A session of its own: the shared one is not thread-safe.
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint_url or None,
        region_name=settings.s3_region or None,
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "max_attempts": RETRIES + 1},
            max_pool_connections=50,
            # Servers other than Amazon's refuse the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@contextmanager
def _os_errors() -> Iterator[None]:
    """Raise boto3's errors as the OSErrors that a folder would raise; their messages hold no keys."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise FileNotFoundError(f"not in the bucket: {error}") from error
        raise OSError(f"the photo bucket refuses: {error}") from error
    except BotoCoreError as error:
        raise ConnectionError(f"the photo bucket can't be reached: {error}") from error
