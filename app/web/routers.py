"""Everything that is answered, in the order in which paths are compared. A new file of routes gets its line here."""

from fastapi import APIRouter

from app.web.api import predict
from app.web.api import review as api_for_reviewers
from app.web.api import submissions as api_submissions
from app.web.api.admin import api_keys as api_for_keys
from app.web.api.admin import audit_log as api_for_log
from app.web.api.admin import collections as api_for_collections
from app.web.api.admin import invitations, replays, users, watch
from app.web.api.admin import models as api_for_models
from app.web.api.admin import runs as api_for_runs
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
    run,
    runs,
    taxa,
)
from app.web.routes.admin import replays as replay_pages
from app.web.routes.admin import watch as watch_page

PROGRAMS: list[APIRouter] = [predict.router, api_submissions.router, operations.router, docs.router]
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
MODELS += [replay_pages.router, watch_page.router, policies.router]
MODELS += [collections.router, collection.router, collected.router, photographers.router]
ADMINS_PROGRAMS: list[APIRouter] = [users.router, invitations.router, api_for_keys.router, api_for_log.router]
MODELS_PROGRAMS: list[APIRouter] = [api_for_models.router, replays.router, api_for_runs.router, watch.router]
MODELS_PROGRAMS += [api_for_collections.router]
REVIEWERS: list[APIRouter] = [attention.router, *review.ROUTERS, *api_for_reviewers.ROUTERS]
ROUTERS: list[APIRouter] = [
    *PROGRAMS,
    *VOLUNTEERS,
    *REVIEWERS,
    *ACCOUNTS,
    *ADMINS,
    *MODELS,
    *ADMINS_PROGRAMS,
    *MODELS_PROGRAMS,
]
