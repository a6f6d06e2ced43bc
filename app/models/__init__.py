"""The tables, a file per aggregate. Importing this package knows them all (Alembic needs that)."""

from app.models.job import Job, JobKind, JobStatus
from app.models.model_version import ModelVersion
from app.models.rate_limit import RateLimitWindow
from app.models.submission import ClaimRecord, Photo, PredictionRecord, StatusLog, Submission, VerdictRecord
from app.models.taxon import Taxon, TaxonMark, TaxonPolicy, VernacularName
from app.models.volunteer import Volunteer

__all__ = [
    "ClaimRecord",
    "Job",
    "JobKind",
    "JobStatus",
    "ModelVersion",
    "Photo",
    "PredictionRecord",
    "RateLimitWindow",
    "StatusLog",
    "Submission",
    "Taxon",
    "TaxonMark",
    "TaxonPolicy",
    "VerdictRecord",
    "VernacularName",
    "Volunteer",
]
