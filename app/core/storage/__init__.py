"""Where photos lie: bytes under a key, written whole or not at all. In a folder, or in an S3 bucket by setting."""

from app.core.settings import Settings
from app.core.storage.base import Storage, StoredFile
from app.core.storage.local import LocalStorage, flush_folder

__all__ = ["LocalStorage", "Storage", "StoredFile", "flush_folder", "make_storage"]


def make_storage(settings: Settings) -> Storage:
    """The storage that the settings name. Connections are opened when they are first needed."""
    if not settings.s3_bucket:
        return LocalStorage(settings.photo_dir)
    from app.core.storage.s3 import S3Storage

    return S3Storage(
        settings.s3_bucket,
        prefix=settings.s3_prefix,
        endpoint_url=settings.s3_endpoint_url,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
    )
