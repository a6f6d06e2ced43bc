"""Flickr's search through flickrapi, one page at a time.

flickrapi's own ``walk`` always begins at page one and dies with the first error, so it can neither be resumed nor be
patient; this calls the method beneath it. Four things are put right on the way: an HTTP error reaches us with its status
and Retry-After, where flickrapi has only a text; every request has a timeout and names Wingcheck; nothing is read from
or written to the token cache in the home directory; and no log of flickrapi or oauthlib ever shows the key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import requests
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ml.collection.errors import CollectError, KeyRefused, scrubbed
from ml.collection.licences import Licence, licence_from
from ml.collection.politeness import Busy, Patience

# Flickr never gives out more of one search; beyond it, pages repeat.
MOST_RESULTS = 4000
# https://www.flickr.com/services/api/flickr.photos.search.html: service or search unavailable, write failed.
_BUSY_CODES = {0, 10, 105, 106}
# Invalid or missing signature, login failed, insufficient permissions, invalid API key.
_KEY_CODES = {96, 97, 98, 99, 100}
_TALKATIVE = ("flickrapi", "flickrapi.core", "flickrapi.auth", "oauthlib", "requests_oauthlib")


@dataclass(frozen=True)
class Page:
    """One page of a search: the attributes of its photos, how many pages there are, and photos on all of them together."""

    photos: list[dict[str, str]]
    pages: int
    total: int


class FlickrClient:
    """The two calls that collecting needs. Not for several threads at once."""

    def __init__(self, access: FlickrAccess, patience: Patience, *, api_url: str, timeout: float) -> None:
        """``timeout`` in seconds, for connecting and for each part of an answer. Raises KeyRefused without a key."""
        access.check()
        self._secrets = access.secrets
        self._patience = patience
        self._api = _flickrapi(access, api_url, timeout)

    def licences(self) -> dict[str, Licence]:
        """Flickr's table of licences by number. Raises KeyRefused, CollectError."""
        answer = self._call(self._api.photos.licenses.getInfo)
        rows = [(row.get("id", ""), row.get("name", ""), row.get("url", "")) for row in answer.findall("*/license")]
        return {identifier: licence_from(identifier, name, url) for identifier, name, url in rows}

    def search(self, parameters: dict[str, str], page: int) -> Page:
        """One page of ``flickr.photos.search``, from 1. Raises KeyRefused, CollectError."""
        answer = self._call(self._api.photos.search, page=page, **parameters)
        photos = answer.find("photos")
        try:
            pages, total = int(photos.get("pages")), int(photos.get("total"))
        except (AttributeError, TypeError, ValueError):
            raise CollectError("Flickr's answer has no list of photos: is the address of the API right?") from None
        return Page([dict(row.attrib) for row in photos.findall("photo")], pages, total)

    def _call(self, method: Callable[..., Any], **parameters: object) -> Any:
        try:
            return self._patience.call(lambda: self._once(method, parameters))
        except Busy as busy:
            raise CollectError(
                f"Flickr does not answer: {scrubbed(busy.reason, *self._secrets)}, {self._patience.attempts} times in a "
                "row. Run the same command again later: it continues where it stopped."
            ) from None

    def _once(self, method: Callable[..., Any], parameters: dict[str, object]) -> Any:
        from flickrapi.exceptions import FlickrError
        from lxml.etree import XMLSyntaxError

        try:
            return method(**parameters)
        except FlickrError as error:
            raise self._meaning(error) from None
        except requests.Timeout:
            raise Busy("no answer in time") from None
        except requests.RequestException as error:
            raise Busy(f"no connection ({type(error).__name__})") from None
        except (XMLSyntaxError, KeyError, AttributeError):  # flickrapi takes the shape of an answer for granted
            raise Busy("the answer is not Flickr's XML") from None

    def _meaning(self, error: Exception) -> Exception:
        code, text = getattr(error, "code", None), scrubbed(str(error), *self._secrets).removeprefix("Error: ")
        if code in _KEY_CODES:
            return KeyRefused(
                f"Flickr refuses the key ({text}). Check WINGCHECK_FLICKR_KEY and WINGCHECK_FLICKR_SECRET; "
                f"a new key is made at {KEY_PAGE}."
            )
        if code in _BUSY_CODES:
            return Busy(f"Flickr says {text!r}")
        return CollectError(f"Flickr refuses the search: {text}.")


class _Session(requests.Session):
    """Raises Busy or CollectError for an HTTP error, before flickrapi writes the answer to its log."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = super().send(request, **options)
        if response.status_code == 429 or response.status_code >= 500:
            raise Busy(f"HTTP {response.status_code}", response.headers.get("Retry-After"))
        if response.status_code in {401, 403}:
            raise KeyRefused(f"Flickr refuses the key (HTTP {response.status_code}).")
        if response.status_code != 200:
            raise CollectError(f"The API's address answers HTTP {response.status_code}: is it right?")
        return response


def _flickrapi(access: FlickrAccess, api_url: str, timeout: float) -> Any:
    try:
        from flickrapi import FlickrAPI
    except ImportError:
        raise CollectError("Collecting needs flickrapi and lxml: pip install 'wingcheck[train]'.") from None
    for name in _TALKATIVE:  # at DEBUG they write signed headers
        logging.getLogger(name).setLevel(logging.WARNING)
    key, secret = access.secrets
    api = FlickrAPI(key, secret, format="etree", store_token=False, timeout=timeout)
    api.REST_URL = api_url
    session = _Session()
    session.headers["User-Agent"] = access.user_agent
    api.flickr_oauth.session = session  # flickrapi's is shared by the whole process
    return api


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
