"""All routers, in the order in which paths are matched. A new module with routes is added here."""

from types import ModuleType

from app.accounts.pages import account, api_keys, audit_log, mail, people, sign_in
from app.collecting.pages import collections
from app.collecting.pages import photos as collected
from app.core.web import openapi
from app.organisation import pages as organisation
from app.predictions import api as predict_api
from app.privacy import pages as privacy
from app.records import api as records_api
from app.records import pages as records
from app.review.pages import acceptance, actions, figures, grid, item, queue, settings
from app.taxa import pages as taxa
from app.upkeep import pages as operations
from app.versions import api as versions_api
from app.versions import api_runs
from app.versions.pages import attention, comparison, models, photographers, policies, replays, runs, watch
from app.volunteers import api as submissions_api
from app.volunteers.pages import correction, form, mailed, mine, site, submission

MODULES: list[ModuleType] = [
    # for programs
    predict_api, submissions_api, records_api, versions_api, api_runs, operations, openapi,
    # for volunteers
    form, submission, correction, mine, mailed, site, privacy,
    # for reviewers; /review/{id} last, as it matches the others
    attention, grid, figures, records, acceptance, settings, queue, item, actions,
    # for users and admins
    sign_in, account, people, api_keys, audit_log, mail, organisation,
    comparison, watch, models, runs, taxa, replays, policies,
    collections, collected, photographers,
]  # fmt: skip
ROUTERS = [module.router for module in MODULES]
