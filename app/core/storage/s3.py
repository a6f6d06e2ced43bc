"""A bucket of any server that speaks S3. Needs boto3 (``pip install wingcheck[s3]``), which is imported when first used."""

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from app.core.errors import WingcheckError
from app.core.storage.base import WRITING, StoredFile, check_key

RETRIES = 3
PAGE = 1000
_GONE = {"404", "NoSuchKey", "NotFound"}


class S3Storage:
    """One bucket, or what lies under ``prefix`` in it. An object is there whole or not at all: that is how S3 writes.

    Without keys, boto3 looks for them in its own places (environment, profile, the machine's role). Thread-safe.
    """

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        endpoint_url: str = "",
        region: str = "",
        access_key_id: SecretStr | None = None,
        secret_access_key: SecretStr | None = None,
    ) -> None:
        if importlib.util.find_spec("boto3") is None:
            raise WingcheckError("photos in S3 need boto3: install 'wingcheck[s3]'")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._server = {"endpoint_url": endpoint_url or None, "region_name": region or None}
        self._keys = {"aws_access_key_id": access_key_id, "aws_secret_access_key": secret_access_key}
        self._lock = threading.Lock()
        self._made: Any = None

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _make_client(self._server, self._keys)
            return self._made

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def put(self, key: str, data: bytes) -> None:
        name = self._name(key)
        with _plain_errors():
            if self._size(name) != len(data):
                self._client().put_object(Bucket=self._bucket, Key=name, Body=data)

    def get(self, key: str) -> bytes:
        with _plain_errors():
            found: bytes = self._client().get_object(Bucket=self._bucket, Key=self._name(key))["Body"].read()
            return found

    def exists(self, key: str) -> bool:
        with _plain_errors():
            return self._size(self._name(key)) is not None

    def _size(self, name: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            return int(self._client().head_object(Bucket=self._bucket, Key=name)["ContentLength"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise

    def delete(self, key: str) -> None:
        with _plain_errors():
            self._client().delete_object(Bucket=self._bucket, Key=self._name(key))

    def keys(self, prefix: str = "") -> Iterator[str]:
        for file in self.files(prefix):
            yield file.key

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        with _plain_errors():
            pages = self._client().get_paginator("list_objects_v2")
            for page in pages.paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix, PaginationConfig={"PageSize": PAGE}
            ):
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self._prefix)
                    if not key.rpartition("/")[2].startswith(WRITING):
                        yield StoredFile(key, found["Size"], found["LastModified"])

    def leftovers(self) -> Iterator[StoredFile]:
        """None: what was not written to its end was never there."""
        return iter(())

    def check(self) -> None:
        name = f"{self._prefix}{WRITING}check"
        with _plain_errors():
            self._client().put_object(Bucket=self._bucket, Key=name, Body=b"wingcheck")
            self._client().delete_object(Bucket=self._bucket, Key=name)


def _make_client(server: dict[str, str | None], keys: dict[str, SecretStr | None]) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": RETRIES + 1},
        max_pool_connections=50,
        # Servers other than Amazon's refuse the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    shown = {name: key.get_secret_value() if key else None for name, key in keys.items()}
    # A session of its own: the shared one is not thread-safe.
    return boto3.session.Session().client("s3", config=config, **server, **shown)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What boto3 raises, as the errors that a folder would raise; its messages hold no keys."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _GONE:
            raise FileNotFoundError(f"not in the bucket: {error}") from error
        raise OSError(f"the photo bucket refuses: {error}") from error
    except BotoCoreError as error:
        raise ConnectionError(f"the photo bucket can't be reached: {error}") from error
