"""The web application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI
from starlette.routing import BaseRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app import __version__
from app.accounts.pages import Accounts
from app.accounts.visitors import KnowVisitors
from app.core.db import SessionFactory, make_engine, make_session_factory
from app.core.dispatch import Dispatcher
from app.core.line import Line
from app.core.rate_limits import RateLimits
from app.core.settings import Settings, get_settings, listed
from app.core.storage import make_storage
from app.core.storage.deletions import make_journal
from app.core.web import errors, openapi
from app.core.web.assets import static_files
from app.core.web.limits import LimitBody, LimitHead, LimitRate
from app.core.web.metrics import Metrics
from app.core.web.middleware import AllowedHosts, AnswerHead, CatchErrors, RecordRequests, RefuseOtherSites
from app.core.web.security import SecurityHeaders
from app.core.web.uploads import Room
from app.mail.tokens import MailTokens
from app.predictions.classifiers import Classifiers
from app.review.squares import Squares
from app.routers import ROUTERS
from app.upkeep.readiness import Readiness
from app.versions.attention import Attention
from app.versions.base_data import open_runs_with
from app.versions.runs import Runs
from app.volunteers.addresses import Addresses
from app.volunteers.deleting import Deleting
from app.volunteers.dependencies import VolunteerCookie
from app.volunteers.submissions import Submissions

_DESCRIPTION = """A second opinion for every photo of a garden butterfly count.

`POST /predict` asks the model about photos and keeps nothing. `/api/v1/submissions` does what the volunteers' page does.
With an API key, coordinators' programs read records, and admins' programs train models and put them into service.
Errors are problem details (RFC 9457)."""

# A few photos too many are reported by number; more of them end the request while it arrives.
_SPARE_FILES = 8
_LONGEST_FIELD = 64 * 1024
# A submission waits for the disk half of the time.
_SUBMISSIONS_PER_PREDICTION = 2


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application for these settings. Connections are opened at first use."""
    settings = settings or get_settings()
    app = FastAPI(
        title="Wingcheck",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        form_limits={
            "max_fields": settings.max_form_fields,
            "max_files": max(settings.max_photos_per_request, settings.max_photos_per_submission) + _SPARE_FILES,
            "max_part_size": _LONGEST_FIELD,
        },
    )
    app.state.settings = settings
    app.state.engine = make_engine(settings.database_url)
    app.state.sessions = sessions = make_session_factory(app.state.engine)
    limits = RateLimits(settings, sessions, settings.signing_key())
    _add_services(app, settings, sessions)
    app.state.accounts = Accounts(settings, sessions, limits)
    app.router.routes.extend(_routes())
    app.mount("/static", static_files(), name="static")
    errors.install(app)
    openapi.install(app, settings)
    _add_middleware(app, settings, limits)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.submission_line.close()
    app.state.classifiers.close()
    app.state.engine.dispose()


def _add_services(app: FastAPI, settings: Settings, sessions: SessionFactory) -> None:
    state = app.state
    state.metrics = Metrics()
    state.storage = storage = make_storage(settings)
    state.send_message = send = Dispatcher(settings.queue_url).send
    state.classifiers = classifiers = Classifiers(
        sessions, settings, patience=settings.prediction_wait_seconds, watch=state.metrics.waiting.set
    )
    state.prediction_line = classifiers.line
    state.submission_line = Line(
        _SUBMISSIONS_PER_PREDICTION * settings.prediction_threads,
        patience=settings.submission_wait_seconds,
        name="submit",
    )
    state.room_for_photos = Room(settings.upload_memory_megabytes * 1_000_000)
    state.readiness = Readiness(sessions, storage, classifiers)
    state.attention = Attention(sessions, storage, classifiers)
    state.volunteer_cookie = VolunteerCookie(settings.signing_key(), secure=settings.secure_cookies)
    state.journal = make_journal(settings)
    state.deleting = Deleting(sessions, storage, state.journal)
    state.submissions = Submissions(sessions, storage, classifiers, send, settings)
    state.addresses = Addresses(sessions, MailTokens(settings.signing_key()))
    state.squares = Squares(sessions, send)
    state.open_runs = open_runs_with
    state.runs = Runs(sessions, settings, send)


@cache
def _routes() -> list[BaseRoute]:
    """All routes, shared by the applications of one process: FastAPI takes seconds to read so many signatures."""
    collector = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, responses=openapi.EVERYWHERE)
    for router in ROUTERS:
        collector.include_router(router)
    return list(collector.routes)


def _add_middleware(app: FastAPI, settings: Settings, rates: RateLimits) -> None:
    """Add the middleware. The last one added is the outermost."""
    app.add_middleware(AnswerHead)
    app.add_middleware(CatchErrors)
    app.add_middleware(LimitBody, settings=settings)
    app.add_middleware(LimitRate, limits=rates, exempt=settings.rate_limit_exempt)
    app.add_middleware(RefuseOtherSites)
    app.add_middleware(
        KnowVisitors,
        cookie=app.state.accounts.cookie,
        sessions=app.state.accounts.user_sessions,
        keys=app.state.accounts.api_keys,
        secret=settings.signing_key(),
    )
    app.add_middleware(AllowedHosts, settings=settings)
    app.add_middleware(LimitHead, settings=settings)
    app.add_middleware(SecurityHeaders, over_tls=settings.secure_cookies)
    app.add_middleware(RecordRequests, metrics=app.state.metrics)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=listed(settings.trusted_proxies))
