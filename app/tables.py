"""Every table. Importing this module knows them all, as Alembic and backups need."""

from app.accounts import tables as accounts
from app.collecting import tables as collecting
from app.core import tables as core
from app.mail import tables as mail
from app.organisation import tables as organisation
from app.predictions import tables as predictions
from app.records import tables as records
from app.review import tables as review
from app.submissions import tables as submissions
from app.taxa import tables as taxa
from app.versions import tables as versions

__all__ = [
    "accounts",
    "collecting",
    "core",
    "mail",
    "organisation",
    "predictions",
    "records",
    "review",
    "submissions",
    "taxa",
    "versions",
]
