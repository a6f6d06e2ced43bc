"""A local Flickr for tests of the service: settings that lead to it, and photos on it."""

from typing import Any

from pydantic import SecretStr

from app.settings import Settings
from tests.ml.collection.flickr_server import KEY, SECRET, FlickrServer

BROWNS = ("Maniola jurtina", "Pyronia tithonus")


def lead_to(flickr: FlickrServer, settings: Settings) -> None:
    """Have the service ask this server, with the key that it takes."""
    settings.flickr_key, settings.flickr_secret = SecretStr(KEY), SecretStr(SECRET)
    settings.flickr_api_url = flickr.api_url


def environment(flickr: FlickrServer) -> dict[str, str]:
    """The same for processes."""
    values = {"KEY": KEY, "SECRET": SECRET, "API_URL": flickr.api_url}
    return {f"WINGCHECK_FLICKR_{name}": value for name, value in values.items()}


def add_photos(flickr: FlickrServer, first: int, number: int, taxon: str, **values: Any) -> None:
    """So many pictures under the name of a taxon, unlike one another, each by a photographer of its own."""
    for each in range(first, first + number):
        owner = {"owner": f"{each}@N00", "owner_name": f"Photographer {each}"}
        flickr.add(each, title=f"{taxon} no. {each}", **(owner | values))
