"""A local Flickr for tests of the service: settings that lead to it, and photos on it."""

from typing import Any

from pydantic import SecretStr

from app.collecting.folder import folder_of
from app.collecting.tables import CollectedPhoto, Collection
from app.core.db import SessionFactory, transaction
from app.core.settings import Settings
from app.core.tables import Job, JobKind, JobStatus
from tests.factories import photo
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


def finished_collection(sessions: SessionFactory, settings: Settings) -> int:
    """Rows and files as after a collection of three photos by three photographers, the second the most doubtful; its number."""
    with transaction(sessions) as session:
        job = Job(kind=JobKind.COLLECTION, subject_id=1, status=JobStatus.DONE)
        session.add(job)
        session.flush()
        row = Collection(
            job_id=job.id,
            folder="f",
            keywords=[{"text": "browns", "taxon": BROWNS[0]}],
            licences=["cc-by"],
            size="small-240",
            wanted=9,
            phase="done",
            kept=3,
            looked=3,
            left_out={"too small": 4, "of another kind": 1},
        )
        session.add(row)
        session.flush()
        folder = folder_of(row, settings)
        folder.photos.mkdir(parents=True)
        for number, doubt in enumerate((0.1, 0.9, 0.5), start=1):
            name = f"{number}.jpg"
            (folder.photos / name).write_bytes(photo(number))
            session.add(
                CollectedPhoto(
                    collection_id=row.id,
                    flickr_id=f"70{number}",
                    taxon=BROWNS[0],
                    owner_nsid=f"{number}@N00",
                    owner_name=f"Ann {number}",
                    title="<b>Brown</b>",
                    licence_name="CC BY 2.0",
                    licence_url="https://creativecommons.org/licenses/by/2.0/",
                    page_url=f"https://www.flickr.com/photos/{number}@N00/70{number}/",
                    taken="2020-07-01T12:00:00",
                    file_name=name,
                    width=400,
                    height=300,
                    sha256=f"{number}" * 64,
                    model_version_id=1,
                    probability=1 - doubt,
                    top_taxon=BROWNS[1],
                    top_probability=doubt,
                    in_scope=1.0,
                    doubt=doubt,
                )
            )
        session.flush()
        return row.id
