"""Every route of the application, and whom it is for: the table that test_access.py holds the application to.

A route without a line here fails the test. Its line gives:

- the method and the path as the route declares them;
- who may use it: EVERYBODY, REVIEWER, COORDINATOR, ADMIN, or ANY_USER for pages of one's own account;
- for JSON routes outside /api, ``json=True``: signed out, they answer 401 rather than lead to the door;
- ``scope``: what an API key must name to open it. Without one, no key opens it where not everybody may use it.

Whoever may, gets past the door: any answer but 401, 403 and a redirect to /sign-in, be it 404 or 422, is right.
"""

from dataclasses import dataclass

from app.core.roles import LEAST_ROLE, Role, Scope

SAFE = {"GET", "HEAD", "OPTIONS"}
EVERYBODY = "everybody"
ANY_USER = "any user"
REVIEWER, COORDINATOR, ADMIN = Role.REVIEWER, Role.COORDINATOR, Role.ADMIN


@dataclass(frozen=True)
class Access:
    """One route, and whom it is for."""

    method: str
    path: str
    who: Role | str
    json: bool = False
    scope: Scope | None = None

    @property
    def least_role(self) -> Role:
        """The smallest role that may use it, where not everybody may."""
        return self.who if isinstance(self.who, Role) else Role.REVIEWER

    def is_within(self, scope: Scope) -> bool:
        """Whether an API key with this scope alone, of a user whose role is just large enough for it, gets past the door."""
        return scope is self.scope and LEAST_ROLE[scope].includes(self.least_role)

    @property
    def answers_json(self) -> bool:
        """Whether refusals are problem details."""
        return self.json or self.path.startswith(("/api/", "/predict"))


VOLUNTEERS = [
    Access("GET", "/", EVERYBODY),
    Access("POST", "/submissions", EVERYBODY),
    Access("GET", "/s/{token}", EVERYBODY),
    Access("GET", "/s/{token}/verdict", EVERYBODY),
    Access("POST", "/s/{token}/claim", EVERYBODY),
    Access("POST", "/s/{token}/photos/{number}/square", EVERYBODY),
    Access("POST", "/find", EVERYBODY, json=True),
    Access("POST", "/s/{token}/answer", EVERYBODY),
    Access("POST", "/s/{token}/butterflies", EVERYBODY),
    Access("GET", "/s/{token}/correct", EVERYBODY),
    Access("POST", "/s/{token}/correct", EVERYBODY),
    Access("GET", "/s/{token}/withdraw", EVERYBODY),
    Access("POST", "/s/{token}/withdraw", EVERYBODY),
    Access("GET", "/mine", EVERYBODY),
    Access("POST", "/mine/email", EVERYBODY),
    Access("POST", "/mine/join", EVERYBODY),
    Access("POST", "/s/{token}/receipt", EVERYBODY),
    Access("GET", "/mail/confirm/{token}", EVERYBODY),
    Access("POST", "/mail/confirm/{token}", EVERYBODY),
    Access("GET", "/mail/join/{token}", EVERYBODY),
    Access("POST", "/mail/join/{token}", EVERYBODY),
    Access("GET", "/mail/stop/{token}", EVERYBODY),
    Access("POST", "/mail/stop/{token}", EVERYBODY),
    Access("POST", "/mail/stop/{token}/resume", EVERYBODY),
    Access("GET", "/forgot", EVERYBODY),
    Access("POST", "/forgot", EVERYBODY),
    Access("POST", "/account/mail", ANY_USER),
    Access("GET", "/admin/mail", ADMIN),
    Access("POST", "/admin/mail/{mail_id}/send-again", ADMIN),
    Access("GET", "/mine/download", EVERYBODY),
    Access("GET", "/mine/delete", EVERYBODY),
    Access("POST", "/mine/delete", EVERYBODY),
    Access("GET", "/photos/{token}/{variant}.jpg", EVERYBODY),
    Access("GET", "/species", EVERYBODY),
    Access("GET", "/about", EVERYBODY),
    Access("GET", "/language/{code}", EVERYBODY),
    Access("GET", "/privacy", EVERYBODY),
    Access("GET", "/organisation/logo/{digest}.png", EVERYBODY),
    Access("POST", "/mine/training", EVERYBODY),
]
PROGRAMS = [
    Access("POST", "/predict", EVERYBODY),
    Access("POST", "/api/v1/submissions", EVERYBODY),
    Access("GET", "/api/v1/submissions/{token}", EVERYBODY),
    Access("PATCH", "/api/v1/submissions/{token}", EVERYBODY),
    Access("POST", "/api/v1/submissions/{token}/answer", EVERYBODY),
    Access("PUT", "/api/v1/submissions/{token}/photos/{number}/square", EVERYBODY),
    Access("GET", "/api/v1/taxa", EVERYBODY),
    Access("GET", "/api/v1/review/records", COORDINATOR, scope=Scope.RECORDS),
    Access("GET", "/api/v1/admin/models", ADMIN, scope=Scope.MODELS),
    Access("POST", "/api/v1/admin/models/{version_id}/promote", ADMIN, scope=Scope.MODELS),
    Access("POST", "/api/v1/admin/models/{version_id}/rollback", ADMIN, scope=Scope.MODELS),
    Access("POST", "/api/v1/admin/runs", ADMIN, scope=Scope.MODELS),
    Access("GET", "/api/v1/admin/runs/{run_id}", ADMIN, scope=Scope.MODELS),
    Access("GET", "/openapi.json", EVERYBODY),
    Access("GET", "/docs", EVERYBODY),
    Access("GET", "/healthz", EVERYBODY),
    Access("GET", "/readyz", EVERYBODY),
    Access("GET", "/metrics", EVERYBODY),
]
ACCOUNTS = [
    Access("GET", "/sign-in", EVERYBODY),
    Access("POST", "/sign-in", EVERYBODY),
    Access("POST", "/sign-out", ANY_USER),
    Access("GET", "/invitation/{token}", EVERYBODY),
    Access("POST", "/invitation/{token}", EVERYBODY),
    Access("GET", "/reset/{token}", EVERYBODY),
    Access("POST", "/reset/{token}", EVERYBODY),
    Access("GET", "/account", ANY_USER),
    Access("POST", "/account", ANY_USER),
    Access("POST", "/account/sessions/{session_id}/end", ANY_USER),
    Access("POST", "/account/sign-out-everywhere", ANY_USER),
    Access("GET", "/account/password", ANY_USER),
    Access("POST", "/account/password", ANY_USER),
    Access("GET", "/account/leave", ANY_USER),
    Access("POST", "/account/leave", ANY_USER),
]
ADMINS = [
    Access("GET", "/admin/people", ADMIN),
    Access("POST", "/admin/people/invite", ADMIN),
    Access("POST", "/admin/people/add", ADMIN),
    Access("POST", "/admin/people/invitations/{link_id}/revoke", ADMIN),
    Access("GET", "/admin/people/{user_id}", ADMIN),
    Access("POST", "/admin/people/{user_id}", ADMIN),
    Access("POST", "/admin/people/{user_id}/deactivate", ADMIN),
    Access("POST", "/admin/people/{user_id}/activate", ADMIN),
    Access("POST", "/admin/people/{user_id}/erase", ADMIN),
    Access("POST", "/admin/people/{user_id}/password-link", ADMIN),
    Access("POST", "/admin/people/{user_id}/new-password", ADMIN),
    Access("POST", "/admin/people/{user_id}/sessions/{session_id}/end", ADMIN),
    Access("POST", "/admin/people/{user_id}/sign-out-everywhere", ADMIN),
    Access("GET", "/admin/api-keys", ADMIN),
    Access("POST", "/admin/api-keys", ADMIN),
    Access("POST", "/admin/api-keys/{key_id}/revoke", ADMIN),
    Access("GET", "/admin/log", ADMIN),
    Access("GET", "/admin/organisation", ADMIN),
    Access("POST", "/admin/organisation", ADMIN),
    Access("POST", "/admin/organisation/logo", ADMIN),
    Access("GET", "/admin/kept", ADMIN),
]
MODELS = [
    Access("GET", "/admin/models", ADMIN),
    Access("POST", "/admin/models/{version_id}/roll-back", ADMIN),
    Access("POST", "/admin/models/alerts/{alert_id}/seen", ADMIN),
    Access("GET", "/admin/models/compare", ADMIN),
    Access("POST", "/admin/models/compare", ADMIN),
    Access("GET", "/admin/models/{version_id}", ADMIN),
    Access("GET", "/admin/models/{version_id}/photos/{token}/attention.png", ADMIN),
    Access("GET", "/admin/models/{version_id}/replays", ADMIN),
    Access("POST", "/admin/models/{version_id}/replays", ADMIN),
    Access("POST", "/admin/models/{version_id}/shadow", ADMIN),
    Access("GET", "/admin/replays/{replay_id}", ADMIN),
    Access("GET", "/admin/replays/{replay_id}/events", ADMIN),
    Access("POST", "/admin/replays/{replay_id}/retry", ADMIN),
    Access("GET", "/admin/watch", ADMIN),
    Access("GET", "/admin/policies", ADMIN),
    Access("GET", "/admin/policies/{taxon_id}", ADMIN),
    Access("POST", "/admin/policies/{taxon_id}", ADMIN),
    Access("GET", "/admin/models/{version_id}/promote", ADMIN),
    Access("POST", "/admin/models/{version_id}/promote", ADMIN),
    Access("GET", "/admin/runs", ADMIN),
    Access("POST", "/admin/runs", ADMIN),
    Access("GET", "/admin/runs/new", ADMIN),
    Access("POST", "/admin/runs/plan", ADMIN),
    Access("GET", "/admin/runs/{run_id}", ADMIN),
    Access("GET", "/admin/runs/{run_id}/events", ADMIN),
    Access("POST", "/admin/runs/{run_id}/cancel", ADMIN),
    Access("POST", "/admin/runs/{run_id}/retry", ADMIN),
    Access("GET", "/admin/collections", ADMIN),
    Access("POST", "/admin/collections", ADMIN),
    Access("GET", "/admin/collections/new", ADMIN),
    Access("GET", "/admin/collections/{collection_id}", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/events", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/cancel", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/retry", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/use", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/take-out", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/delete", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/attribution.csv", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/photos", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/decide", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/undo", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/photos/{photo_id}/species", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/photos/{photo_id}/species", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/files/{photo_id}", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/photographers", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/photographers/{nsid}", ADMIN),
    Access("GET", "/admin/collections/{collection_id}/photographers/{nsid}/events", ADMIN),
    Access("POST", "/admin/collections/{collection_id}/photographers/{nsid}/remove", ADMIN),
    Access("GET", "/admin/taxa", ADMIN),
    Access("POST", "/admin/taxa/import", ADMIN),
    Access("GET", "/admin/taxa/changes/{change_id}", ADMIN),
    Access("POST", "/admin/taxa/changes/{change_id}/save", ADMIN),
    Access("POST", "/admin/taxa/changes/{change_id}/undo", ADMIN),
    Access("GET", "/admin/taxa/{taxon_id}", ADMIN),
    Access("POST", "/admin/taxa/{taxon_id}", ADMIN),
]
REVIEW = [
    Access("GET", "/review/figures", REVIEWER),
    Access("GET", "/review", REVIEWER),
    Access("POST", "/review/filters", REVIEWER),
    Access("POST", "/review/filters/{filter_id}", REVIEWER),
    Access("GET", "/review/grid", REVIEWER),
    Access("GET", "/review/grid/{claimed}/{predicted}", REVIEWER),
    Access("POST", "/review/grid/{claimed}/{predicted}", REVIEWER),
    Access("POST", "/review/grid/{claimed}/{predicted}/skip", REVIEWER),
    Access("GET", "/review/batches/{batch_id}", REVIEWER),
    Access("POST", "/review/batches/{batch_id}/undo", REVIEWER),
    Access("GET", "/review/templates", REVIEWER),
    Access("POST", "/review/templates", REVIEWER),
    Access("POST", "/review/templates/{template_id}", REVIEWER),
    Access("GET", "/review/preferences", REVIEWER),
    Access("POST", "/review/preferences", REVIEWER),
    Access("GET", "/review/next", REVIEWER),
    Access("GET", "/review/ahead", REVIEWER),
    Access("GET", "/review/taxa", REVIEWER),
    Access("GET", "/review/{submission_id}", REVIEWER),
    Access("GET", "/review/{submission_id}/item", REVIEWER),
    Access("POST", "/review/{submission_id}/decide", REVIEWER),
    Access("POST", "/review/{submission_id}/ask", REVIEWER),
    Access("POST", "/review/{submission_id}/photos/{number}/square", REVIEWER),
    Access("POST", "/review/{submission_id}/comment", REVIEWER),
    Access("POST", "/review/{submission_id}/skip", REVIEWER),
    Access("POST", "/review/{submission_id}/undo", REVIEWER),
    Access("POST", "/review/{submission_id}/renew", REVIEWER),
    Access("POST", "/review/{submission_id}/release", REVIEWER),
    Access("GET", "/review/records", COORDINATOR),
    Access("GET", "/review/records/download", COORDINATOR, scope=Scope.RECORDS),
    Access("POST", "/review/records", COORDINATOR),
    Access("GET", "/review/acceptance", COORDINATOR),
    Access("POST", "/review/acceptance", COORDINATOR),
    Access("POST", "/review/acceptance/lift", COORDINATOR),
    Access("GET", "/review/settings", COORDINATOR),
    Access("POST", "/review/settings", COORDINATOR),
    Access("POST", "/review/settings/rules", COORDINATOR),
    Access("GET", "/review/photos/{token}/attention.png", REVIEWER),
]
TABLE: list[Access] = [*VOLUNTEERS, *PROGRAMS, *REVIEW, *ACCOUNTS, *ADMINS, *MODELS]
