"""Everything that is answered, in the order in which paths are compared. A new file of routes gets its line here."""

from types import ModuleType

from app.accounts.pages import account, api_keys, audit_log, people, person, sign_in
from app.accounts.pages import links as account_links
from app.collecting.pages import collected, collection, collections
from app.core.web import docs
from app.predictions import api as predict_api
from app.records import api as records_api
from app.records.pages import records
from app.review.pages import acceptance, actions, figures, filters, grid, item, preferences, queue, settings, templates
from app.taxa import pages as taxa
from app.upkeep import pages as operations
from app.versions import api as versions_api
from app.versions import api_runs
from app.versions.pages import (
    attention,
    comparison,
    models,
    photographers,
    policies,
    replays,
    run,
    runs,
    watch,
)
from app.volunteers import api as submissions_api
from app.volunteers.pages import answers, find, my_data, photos, site, squares, submissions

MODULES: list[ModuleType] = [
    # for programs
    predict_api, submissions_api, records_api, versions_api, api_runs, operations, docs,
    # for volunteers
    submissions, find, answers, squares, my_data, photos, site,
    # for reviewers; the more particular addresses first: /review/{id} would take them all
    attention, filters, grid, figures, records, acceptance, settings, templates, preferences, queue, item, actions,
    # for users and admins
    sign_in, account, account_links, people, person, api_keys, audit_log,
    comparison, watch, models, runs, run, taxa, replays, policies,
    collections, collection, collected, photographers,
]  # fmt: skip
ROUTERS = [module.router for module in MODULES]
