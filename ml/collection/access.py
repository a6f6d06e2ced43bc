"""The Flickr key and how to reach whoever collects: from the environment or ``.env``, never from the command line."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ml.collection.errors import KeyRefused

KEY_PAGE = "https://www.flickr.com/services/apps/create/"


class FlickrAccess(BaseSettings):
    """Settings with the prefix ``WINGCHECK_FLICKR_``."""

    model_config = SettingsConfigDict(env_prefix="WINGCHECK_FLICKR_", env_file=".env", extra="ignore")

    key: SecretStr = Field(SecretStr(""), description="Flickr API key.")
    secret: SecretStr = Field(SecretStr(""), description="The secret that belongs to the key.")
    contact: str = Field("", description="E-mail or web address that Flickr's operators can turn to.")

    @property
    def secrets(self) -> tuple[str, str]:
        """Key and secret in the clear, for signing and for scrubbing."""
        return self.key.get_secret_value(), self.secret.get_secret_value()

    @property
    def user_agent(self) -> str:
        """Names Wingcheck, its version and the contact, printable ASCII only: it becomes a header."""
        contact = "".join(letter for letter in self.contact if " " <= letter <= "~")
        return f"Wingcheck/{_own_version()}" + (f" ({contact})" if contact else "")

    def check(self) -> None:
        """Raises KeyRefused where a part is missing."""
        missing = [
            f"WINGCHECK_FLICKR_{name}"
            for name, value in zip(("KEY", "SECRET"), self.secrets, strict=True)
            if not value.strip()
        ]
        if missing:
            raise KeyRefused(f"No Flickr key: set {' and '.join(missing)} (a key is made at {KEY_PAGE}).")


def _own_version() -> str:
    try:
        return version("wingcheck")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
