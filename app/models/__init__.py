"""The tables, a file per aggregate. Importing this package knows them all (Alembic needs that)."""

from app.models.account import AccountLink, ApiKey, User, UserSession
from app.models.activation import ActivationKind, ModelActivation
from app.models.audit import AuditEntry
from app.models.collection import CollectedPhoto, Collection, PhotographerRemoval
from app.models.job import Job, JobKind, JobStatus
from app.models.looked import Looked, opinion_of
from app.models.model_version import ModelVersion
from app.models.rate_limit import RateLimitWindow
from app.models.record_description import RecordDescription
from app.models.replay import CandidatePrediction, Replay, ReplayChunk, ReplayVerdict
from app.models.review import (
    Identification,
    QuestionTemplate,
    ReviewBatch,
    ReviewQuestion,
    ReviewTask,
)
from app.models.review_settings import (
    AcceptanceSuspension,
    ReviewerPreference,
    ReviewRule,
    ReviewSettings,
    ReviewSkip,
    SavedFilter,
)
from app.models.submission import ClaimRecord, Photo, PredictionRecord, StatusLog, Submission, VerdictRecord
from app.models.taxon import Taxon, TaxonMark, TaxonPolicy, VernacularName
from app.models.taxon_change import ChangeState, TaxonChange
from app.models.training import PhotoPart, Snapshot, SnapshotPhoto, TrainingRun
from app.models.volunteer import Volunteer
from app.models.watch import WatchAlert

__all__ = [
    "AcceptanceSuspension",
    "AccountLink",
    "ActivationKind",
    "ApiKey",
    "AuditEntry",
    "CandidatePrediction",
    "ChangeState",
    "ClaimRecord",
    "CollectedPhoto",
    "Collection",
    "Identification",
    "Job",
    "JobKind",
    "JobStatus",
    "Looked",
    "ModelActivation",
    "ModelVersion",
    "Photo",
    "PhotoPart",
    "PhotographerRemoval",
    "PredictionRecord",
    "QuestionTemplate",
    "RateLimitWindow",
    "RecordDescription",
    "Replay",
    "ReplayChunk",
    "ReplayVerdict",
    "ReviewBatch",
    "ReviewQuestion",
    "ReviewRule",
    "ReviewSettings",
    "ReviewSkip",
    "ReviewTask",
    "ReviewerPreference",
    "SavedFilter",
    "Snapshot",
    "SnapshotPhoto",
    "StatusLog",
    "Submission",
    "Taxon",
    "TaxonChange",
    "TaxonMark",
    "TaxonPolicy",
    "TrainingRun",
    "User",
    "UserSession",
    "VerdictRecord",
    "VernacularName",
    "Volunteer",
    "WatchAlert",
    "opinion_of",
]
