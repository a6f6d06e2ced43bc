"""Every setting of the service, read from the environment (prefix ``WINGCHECK_``) or a ``.env`` file."""

import os
import secrets
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One object for all settings. Defaults need nothing but the data folder."""

    model_config = SettingsConfigDict(env_prefix="WINGCHECK_", env_file=".env", extra="ignore")

    data_dir: Path = Field(Path("var"), description="Folder for the database, the photos and imported model versions.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the data folder.")
    queue_url: str = Field(
        "",
        description="Where job messages wait: sqlite:///…, postgresql://…, redis://…; empty: SQLite in the data folder.",
    )
    secret_key: SecretStr | None = Field(
        None, description="Signs the volunteers' cookies; made and kept in the data folder when not set."
    )

    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the web server listens on.")
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only; turn on behind TLS.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")

    runtime: Literal["auto", "litert", "savedmodel"] = Field("auto", description="What answers predictions.")
    task: str = Field("", description="Task whose active model version serves; empty: the one activated last.")
    prediction_threads: int = Field(
        default_factory=lambda: min(4, os.cpu_count() or 1), ge=1, description="Predictions computed at the same time."
    )
    prediction_queue: int = Field(64, ge=1, description="Photos that may wait for a prediction before 503.")

    job_lost_seconds: int = Field(
        60, ge=3, description="Seconds without a heartbeat after which a job counts as lost and is run again."
    )

    max_photos_per_request: int = Field(16, ge=1, description="Photos in one /predict request.")
    max_photos_per_submission: int = Field(8, ge=1, description="Photos in one submission.")
    max_file_megabytes: int = Field(40, ge=1, description="Bytes of one photo, in MB.")
    max_request_megabytes: int = Field(160, ge=1, description="Bytes of one request, in MB.")

    max_jpeg_megapixels: float = Field(120, gt=0, description="Largest baseline JPEG decoded.")
    max_progressive_jpeg_megapixels: float = Field(50, gt=0, description="Largest progressive JPEG decoded.")
    max_png_megapixels: float = Field(40, gt=0, description="Largest PNG decoded.")
    max_webp_megapixels: float = Field(25, gt=0, description="Largest WebP decoded.")
    max_heic_megapixels: float = Field(50, gt=0, description="Largest HEIC decoded.")

    default_language: Literal["en", "nl"] = Field("en", description="Language where the browser asks for none of ours.")

    @model_validator(mode="after")
    def _fill_defaults(self) -> Self:
        folder = self.data_dir.resolve()
        if not self.database_url:
            self.database_url = f"sqlite:///{folder / 'wingcheck.db'}"
        if not self.queue_url:
            self.queue_url = f"sqlite:///{folder / 'queue.db'}"
        return self

    @property
    def photo_dir(self) -> Path:
        """Root of the local photo storage."""
        return self.data_dir / "photos"

    @property
    def model_dir(self) -> Path:
        """Folder that imported model versions are copied into."""
        return self.data_dir / "models"

    def signing_key(self) -> str:
        """The key for cookies: the setting, or one made at the first start and kept readable to its owner only."""
        if self.secret_key is not None and self.secret_key.get_secret_value():
            return self.secret_key.get_secret_value()
        path = self.data_dir / "secret-key"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.data_dir, prefix=".secret-key-")  # mode 0600
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(name, path)  # whole or not at all, and never over another process's
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
        return path.read_text().strip()


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
