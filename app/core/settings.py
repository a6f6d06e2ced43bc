"""Every setting of the service, read from the environment (prefix ``WINGCHECK_``), a ``.env`` file, or one file per setting.

A file ``wingcheck_secret_key`` in the folder ``WINGCHECK_SECRETS_DIR`` (where a container finds its secrets, if it has any) is
the setting ``WINGCHECK_SECRET_KEY``, unless the environment has one.
"""

import ipaddress
import math
import os
import re
import secrets
import tempfile
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from limits import parse_many
from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core import machine

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


# Bytes that a web process needs, with the photos it works on.
_MEMORY_OF_A_PROCESS = 400_000_000
# The minimum of each web process, so that a costly photo never blocks the others: megabytes for three photos of 12 megapixels
# with their copies for pages, and photos prepared at the same time.
_LEAST_DECODING, _LEAST_PREPARED = 64, 2


def _secrets_dir() -> Path | None:
    folder = Path(os.environ.get("WINGCHECK_SECRETS_DIR", "/run/secrets"))
    return folder if folder.is_dir() else None


def listed(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def networks(text: str) -> list[Network]:
    """The networks of a comma-separated list. Raises ValueError."""
    return [ipaddress.ip_network(part) for part in listed(text)]


def _check_networks(text: str) -> str:
    networks(text)
    return text


def _check_rates(text: str) -> str:
    try:
        parse_many(text or "1/second")
    except ValueError as error:
        raise ValueError(f"{text!r} is no rate; write it as 10/second;300/minute") from error
    return text


Networks = Annotated[str, AfterValidator(_check_networks)]
Rates = Annotated[str, AfterValidator(_check_rates)]


def _decoding_megabytes(cores: int, memory: int) -> float:
    return max(_LEAST_DECODING, min(32 * cores, memory // 16_000_000))


class Settings(BaseSettings):
    """All settings. The defaults need only the data folder."""

    model_config = SettingsConfigDict(
        env_prefix="WINGCHECK_", env_file=".env", secrets_dir=_secrets_dir(), extra="ignore"
    )

    data_dir: Path = Field(Path("var"), description="Folder for the database, the photos and imported model versions.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the data folder.")
    queue_url: str = Field(
        "",
        description="Queue of job messages: sqlite:///…, postgresql://…, redis://…; empty: SQLite in the data folder.",
    )
    secret_key: SecretStr | None = Field(
        None, description="Signs cookies and forms; created in the data folder if not set."
    )

    s3_bucket: str = Field("", description="Bucket for photos; empty: the data folder. Needs `wingcheck[s3]`.")
    s3_prefix: str = Field("", description="Folder in the bucket for all photos.")
    s3_endpoint_url: str = Field("", description="Address of the S3 server; empty: Amazon's.")
    s3_region: str = Field("", description="Region of the bucket, if the server has regions.")
    s3_access_key_id: SecretStr | None = Field(
        None,
        description="Key for the bucket; not set: boto3's usual places (environment, profile, machine role).",
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="The secret for this key.")
    original_retention_days: int = Field(
        0,
        ge=0,
        description="Days after which the originals of decided submissions are deleted (copies for pages stay); 0: never.",
    )
    place_retention_days: int = Field(
        0,
        ge=0,
        description="Days after which coordinates of decided submissions are rounded to about a kilometre, and the place, the "
        "note and the answers that volunteers typed are deleted; 0: never.",
    )
    volunteer_retention_days: int = Field(
        730,
        ge=0,
        description="Days without a submission after which a volunteer's e-mail address and the key in the cookie are deleted; "
        "0: never.",
    )
    session_retention_days: int = Field(
        30,
        ge=0,
        description="Days after their end for which sessions (browser, address) and links to sign up are kept; 0: for ever.",
    )
    account_retention_days: int = Field(
        730,
        ge=0,
        description="Days without a sign-in after which a user's account is erased, except the last admin's; 0: never.",
    )
    audit_retention_days: int = Field(
        1095, ge=0, description="Days for which the log of coordinators' and admins' actions is kept; 0: for ever."
    )

    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the web server listens on.")
    processes: int = Field(
        default_factory=lambda: max(1, min(machine.cores(), machine.memory() // _MEMORY_OF_A_PROCESS)),
        ge=1,
        le=256,
        description="Web processes that share the port; by default one per core, and per 400 MB of memory.",
    )
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only; turn on behind TLS.")
    public_url: str = Field(
        "",
        description="Address at which people reach the service, for links that the command line prints, as in "
        "`https://count.example.org`; empty: host and port.",
    )
    session_days: int = Field(30, ge=1, le=365, description="Days after which users must sign in again.")
    session_idle_days: int = Field(
        7, ge=1, le=365, description="Days without a visit after which users must sign in again."
    )
    allowed_hosts: str = Field(
        "",
        description="Host names that are answered, separated by commas; `.example.org` includes subdomains, "
        "`*` is any. Always answered: localhost and `WINGCHECK_HOST`.",
    )
    trusted_proxies: Networks = Field(
        "",
        description="Addresses or networks of the proxies in front, separated by commas. Only their X-Forwarded-For and "
        "X-Forwarded-Proto are trusted.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")
    log_format: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object per line.")

    runtime: Literal["litert", "savedmodel"] = Field(
        "litert",
        description="Runtime for predictions of the version that comes with Wingcheck; every other one is served by LiteRT.",
    )
    task: str = Field("", description="Task whose active model version is used; empty: the one activated last.")
    training_root: str = Field(
        "",
        description="Folder with the data that a config names itself (as `wingcheck train --data`); empty: runs learn from "
        "verified photos and the base data sets alone.",
    )
    training_bases: str = Field("", description="Further data sets for training: folders, separated by commas.")
    flickr_key: SecretStr | None = Field(None, description="Flickr API key; without one no photos can be collected.")
    flickr_secret: SecretStr | None = Field(None, description="The secret for this key.")
    flickr_contact: str = Field("", description="E-mail or web address for Flickr's operators.")
    flickr_api_url: str = Field(
        "", pattern="^(|https?://.+)$", description="Another server that speaks Flickr's REST protocol; empty: Flickr."
    )
    retrain_config: str = Field("bundled_browns", description="Experiment or config file for runs by default.")
    retrain_weights: str = Field(
        "",
        description="Weights that runs from scratch start with: `imagenet` (downloaded), `none`, or a .weights.h5 file; empty: "
        "those of the config.",
    )
    retrain_test_share: float = Field(
        0.2, gt=0, lt=1, description="Share of volunteers whose verified photos are set aside for evaluation."
    )
    retrain_at: str = Field(
        "",
        pattern="^(|([01][0-9]|2[0-3]):[0-5][0-9])$",
        description="Time (UTC) of the nightly run, if there are new photos, such as `02:30`; empty: never.",
    )
    retrain_after_photos: int = Field(
        0, ge=0, description="Newly verified photos after which a run starts automatically; 0: never."
    )
    retrain_max_minutes: int = Field(480, ge=1, description="Minutes after which a run is stopped.")
    retrain_max_megabytes: int = Field(6000, ge=1, description="Memory above which a run is stopped, in MB.")
    retrain_threads: int = Field(1, ge=1, description="CPU threads of a run; with one, it is exactly reproducible.")
    gate_margin: float = Field(
        0.01,
        ge=0,
        le=1,
        description="By how much a new model version's accuracy may be lower than that of the one in service.",
    )
    gate_confidence: float = Field(
        0.95, gt=0.5, lt=1, description="Confidence needed for that before it may be promoted."
    )
    gate_least_photos: int = Field(
        50, ge=1, description="Evaluation photos needed for the gate to use a comparison on them."
    )
    gate_max_calibration_error: float = Field(
        0.05, gt=0, le=1, description="Largest calibration error of a version that may be promoted."
    )
    gate_max_megabytes: float = Field(50, gt=0, description="Largest file of a version that may be promoted, in MB.")
    gate_max_milliseconds: float = Field(
        50, gt=0, description="Longest response time of a version that may be promoted, in ms."
    )
    watch_max_drift: float = Field(
        0.25,
        gt=0,
        description="Population stability index of scores or embeddings above which a week raises an alert.",
    )
    watch_least_agreement: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Agreement of experts with the model below which a week raises an alert.",
    )
    watch_least_in_scope: float = Field(
        0.5, ge=0, le=1, description="Share of photos in scope below which a week raises an alert."
    )
    watch_least_photos: int = Field(
        50, ge=1, description="Photos or decisions that a week needs before its shares are checked."
    )
    watch_webhook_url: str = Field(
        "", pattern="^(|https?://.+)$", description="Address to which alerts are posted as JSON; empty: none."
    )
    prediction_threads: int = Field(
        default_factory=lambda: machine.cores(),
        ge=1,
        description="Predictions computed at the same time, by all web processes together; by default one per core.",
    )
    prediction_queue: int = Field(
        64, ge=1, description="Photos that may wait for a prediction before 503, in all web processes together."
    )
    prediction_wait_seconds: float = Field(
        2, gt=0, description="Expected wait for a prediction above which 503 is answered at once."
    )
    submission_wait_seconds: float = Field(
        0.8, gt=0, description="Expected wait of a submission above which 503 is answered at once."
    )
    screen_at_once_seconds: float = Field(
        1,
        ge=0,
        description="How long a submission waits for the model, so that its page comes with the verdict; what takes longer is "
        "screened by the worker. 0: always by the worker.",
    )
    job_lost_seconds: int = Field(
        60, ge=3, description="Seconds without a heartbeat after which a job counts as lost and is run again."
    )

    hung_seconds: float = Field(
        20, ge=2, description="Seconds without a sign of life after which `wingcheck run` restarts a process."
    )

    smtp_host: str = Field(
        "",
        description="Server that takes outgoing mail; empty: no mail is sent, no address is asked for and nothing is promised. "
        "Needs `WINGCHECK_MAIL_FROM` and `WINGCHECK_PUBLIC_URL`.",
    )
    smtp_port: int | None = Field(
        None, ge=1, le=65535, description="Its port; not set: 587, 465 with implicit TLS, 25 without TLS."
    )
    smtp_tls: Literal["starttls", "implicit", "none"] = Field(
        "starttls", description="How the connection is encrypted: STARTTLS, TLS from the start, or not at all."
    )
    smtp_ca_file: str = Field(
        "", description="Certificates of the authority that vouches for the server; empty: those of this machine."
    )
    smtp_user: str = Field("", description="User to sign in to the server as; empty: without signing in.")
    smtp_password: SecretStr | None = Field(None, description="The password of this user.")
    smtp_timeout_seconds: float = Field(15, gt=0, description="Time for each answer of the mail server.")
    mail_from: str = Field(
        "", description="Sender of mails, as in `Garden count <count@example.org>`; answers by mail go there."
    )
    mail_bounce: str = Field(
        "", description="Address for mails that can't be delivered (envelope sender); empty: that of the sender."
    )
    mail_keep_days: int = Field(30, ge=1, description="Days after which the list of sent mails forgets a mail.")
    question_reminder_days: int = Field(
        7, ge=0, description="Days after which a volunteer is reminded of a question, by mail; 0: never."
    )
    question_timeout_days: int = Field(
        30, ge=0, description="Days after which an unanswered question goes back to the experts; 0: never."
    )

    max_photos_per_request: int = Field(16, ge=1, description="Photos in one /predict request.")
    max_photos_per_submission: int = Field(8, ge=1, description="Photos in one submission.")
    max_file_megabytes: int = Field(40, ge=1, description="Bytes of one photo, in MB.")
    max_request_megabytes: int = Field(160, ge=1, description="Bytes of one request with photos, in MB.")
    max_body_kilobytes: int = Field(
        1000, ge=64, description="Bytes of a request without files (JSON, plain forms), in kB."
    )
    upload_memory_megabytes: int = Field(
        40,
        ge=1,
        description="Uploads that each web process keeps in memory, in MB; larger ones go to temporary files.",
    )
    max_form_fields: int = Field(64, ge=16, description="Fields of one form, without photos.")
    max_url_bytes: int = Field(4096, ge=256, description="Length of an address with its query.")
    max_header_bytes: int = Field(32_768, ge=1024, description="All headers of a request together.")

    max_connections: int = Field(500, ge=1, description="Open connections before 503, in all web processes together.")
    max_connections_per_client: int = Field(
        100,
        ge=4,
        description="Open connections of one address (IPv6: of a /64; twice as many of a /48); the slowest make room.",
    )
    header_seconds: float = Field(15, gt=0, description="Time for the headers of a request to arrive.")
    body_seconds: float = Field(600, gt=0, description="Time for the body of a request to arrive.")
    body_grace_seconds: float = Field(20, gt=0, description="Time before the minimum speed of a body applies.")
    min_body_bytes_per_second: int = Field(500, ge=1, description="Minimum speed of a body.")
    stalled_seconds: float = Field(60, gt=0, description="Time a client may take to read an answer.")
    keep_alive_seconds: int = Field(15, ge=1, description="Time a connection may lie idle between requests.")

    rate_limit_url: str = Field(
        "memory://",
        description="Where requests per client are counted: memory:// (of this machine's web processes), redis://…, or "
        "database.",
    )
    rate_limit_predict: Rates = Field(
        "300/minute", description="Requests to /predict per client, as in `10/second;300/minute`; empty: no limit."
    )
    rate_limit_submissions: Rates = Field("60/minute;600/hour", description="Submissions per client; empty: no limit.")
    rate_limit_writes: Rates = Field(
        "120/minute",
        description="Everything else that changes something, per client; signed-in users are counted separately.",
    )
    rate_limit_sign_in: Rates = Field(
        "10/15minutes",
        description="Attempts to sign in to one account; browsers that signed in to it before are counted separately.",
    )
    rate_limit_sign_in_address: Rates = Field(
        "60/15minutes", description="Attempts to sign in per client, to any account."
    )
    rate_limit_exempt: Networks = Field(
        "127.0.0.0/8,::1", description="Addresses or networks that are not limited, separated by commas."
    )

    max_jpeg_megapixels: float = Field(120, gt=0, description="Largest baseline JPEG decoded.")
    max_progressive_jpeg_megapixels: float = Field(
        25, gt=0, description="Largest JPEG decoded that is progressive or stores its colours separately."
    )
    max_png_megapixels: float = Field(26, gt=0, description="Largest PNG decoded.")
    max_webp_megapixels: float = Field(16, gt=0, description="Largest WebP decoded.")
    max_heic_megapixels: float = Field(50, gt=0, description="Largest HEIC decoded.")
    decode_together_megabytes: float = Field(
        default_factory=lambda: _decoding_megabytes(machine.cores(), machine.memory()),
        gt=0,
        description="Memory that photos decoded at the same time may take, in all web processes together, 64 in each at least; "
        "one that takes more is decoded while no other such one is. By default 32 per core, at most a sixteenth of the memory.",
    )
    prepared_together: int = Field(
        default_factory=lambda: max(_LEAST_PREPARED, machine.cores()),
        ge=1,
        description="Photos of submissions that are decoded and copied at the same time, by all web processes together, two by "
        "each at least; by default one per core.",
    )

    default_language: Literal["en", "nl"] = Field("en", description="Language if the browser asks for none of ours.")

    @field_validator("rate_limit_url")
    @classmethod
    def _counter(cls, value: str) -> str:
        if value != "database" and not value.startswith(("memory://", "redis://", "rediss://")):
            raise ValueError("requests are counted in memory://, redis://… or database")
        return value

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        if not self.smtp_host:
            return self
        if not self.public_url.startswith(("http://", "https://")):
            raise ValueError("mails hold links, so WINGCHECK_SMTP_HOST needs WINGCHECK_PUBLIC_URL (https://…)")
        for name, text in (("WINGCHECK_MAIL_FROM", self.mail_from), ("WINGCHECK_MAIL_BOUNCE", self.mail_bounce)):
            address = parseaddr(text)[1]
            if not (text.isprintable() and re.fullmatch(r"[^@\s]+@[^@\s]+", address)) and (text or "FROM" in name):
                raise ValueError(f"{name} is no address: {text!r}")
        return self

    @model_validator(mode="after")
    def _fill_defaults(self) -> Self:
        folder = self.data_dir.resolve()
        if not self.database_url:
            self.database_url = f"sqlite:///{folder / 'wingcheck.db'}"
        if not self.queue_url:
            self.queue_url = f"sqlite:///{folder / 'queue.db'}"
        return self

    @property
    def sends_mail(self) -> bool:
        """Whether mail can be sent: only then an address is asked for, and a mail promised."""
        return bool(self.smtp_host)

    def address_of(self, path: str) -> str:
        """The address of one of our pages, for a mail."""
        return self.public_url.rstrip("/") + path

    @property
    def photo_dir(self) -> Path:
        """The folder of the local photo storage."""
        return self.data_dir / "photos"

    @property
    def model_dir(self) -> Path:
        """The folder of imported model versions."""
        return self.data_dir / "models"

    def shared_out(self, processes: int, folder: str) -> "Settings":
        """These settings for one of several web processes: its share of the limits that apply to all of them together.

        Requests are counted in a file in ``folder`` instead of in memory.
        """
        shared = ("max_connections", "max_connections_per_client", "prediction_threads", "prediction_queue")
        changed: dict[str, object] = {name: math.ceil(getattr(self, name) / processes) for name in shared}
        for name, least in (("decode_together_megabytes", _LEAST_DECODING), ("prepared_together", _LEAST_PREPARED)):
            total = getattr(self, name)
            changed[name] = max(min(least, total), math.ceil(total / processes))
        if self.rate_limit_url.startswith("memory://"):
            changed["rate_limit_url"] = f"sqlite:///{folder}/counts.sqlite"
        return self.model_copy(update=changed)

    def signing_key(self) -> str:
        """The key for cookies: the setting, or a key created at the first start, readable only by its owner."""
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
            os.link(name, path)  # complete or not at all, and never over that of another process
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
        return path.read_text().strip()


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
