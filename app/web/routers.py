"""Everything that is answered, in the order in which paths are compared. A new file of routes gets its line here."""

from fastapi import APIRouter

from app.web.api import models as api_models
from app.web.api import predict, records
from app.web.api import runs as api_runs
from app.web.api import submissions as api_submissions
from app.web.routes import (
    account,
    account_links,
    answers,
    attention,
    docs,
    find,
    my_data,
    operations,
    photos,
    review,
    sign_in,
    site,
    squares,
    submissions,
)
from app.web.routes.admin import (
    api_keys,
    audit_log,
    collected,
    collection,
    collections,
    compare,
    model_version,
    models,
    people,
    person,
    photographers,
    policies,
    replays,
    run,
    runs,
    taxa,
    watch,
)

PROGRAMS: list[APIRouter] = [
    predict.router,
    api_submissions.router,
    records.router,
    api_models.router,
    api_runs.router,
    operations.router,
    docs.router,
]
VOLUNTEERS: list[APIRouter] = [
    submissions.router,
    find.router,
    answers.router,
    squares.router,
    my_data.router,
    photos.router,
    site.router,
]
ACCOUNTS: list[APIRouter] = [sign_in.router, account.router, account_links.router]
ADMINS: list[APIRouter] = [people.router, person.router, api_keys.router, audit_log.router]
MODELS: list[APIRouter] = [models.router, compare.router, model_version.router, runs.router, run.router, taxa.router]
MODELS += [replays.router, watch.router, policies.router]
MODELS += [collections.router, collection.router, collected.router, photographers.router]
REVIEWERS: list[APIRouter] = [attention.router, *review.ROUTERS]
ROUTERS: list[APIRouter] = [*PROGRAMS, *VOLUNTEERS, *REVIEWERS, *ACCOUNTS, *ADMINS, *MODELS]
