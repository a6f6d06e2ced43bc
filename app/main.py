"""The web application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI
from starlette.routing import BaseRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app import __version__
from app.accounts.pages import Accounts
from app.accounts.visitors import KnowVisitors
from app.core.db import make_engine, make_session_factory
from app.core.dispatch import Dispatcher
from app.core.line import Line
from app.core.rate_limits import RateLimits
from app.core.settings import Settings, get_settings, listed
from app.core.storage import make_storage
from app.core.web import errors, openapi
from app.core.web.assets import static_files
from app.core.web.edges.head import AnswerHead
from app.core.web.edges.hosts import AllowedHosts
from app.core.web.edges.rate_limits import LimitRate
from app.core.web.edges.request_limits import LimitBody, LimitHead
from app.core.web.edges.request_log import LogRequests
from app.core.web.errors import CatchErrors
from app.core.web.metrics import MeasureRequests, Metrics
from app.core.web.security import SecurityHeaders
from app.core.web.uploads import Room
from app.predictions.classifiers import Classifiers
from app.review.squares import Squares
from app.routers import ROUTERS
from app.upkeep.readiness import Readiness
from app.versions.attention import Attention
from app.versions.base_data import open_runs_with
from app.versions.runs import Runs
from app.volunteers.dependencies import VolunteerCookie
from app.volunteers.submissions import Submissions

_DESCRIPTION = """A second opinion for every photo of a garden butterfly count.

`POST /predict` asks the model about photos and keeps nothing. `/api/v1/submissions` does what the volunteers' page does.
With an API key, coordinators' programs read records, and admins' programs train models and put them into service.
Errors are problem details (RFC 9457)."""

# A few photos too many are told by number and kept from nobody's memory; more end the request while it arrives.
_SPARE_FILES = 8
_LONGEST_FIELD = 64 * 1024
# Half of its time, a submission waits for the disk.
_SUBMISSIONS_PER_PREDICTION = 2


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application for these settings; it opens its connections when they are first needed."""
    settings = settings or get_settings()
    engine = make_engine(settings.database_url)
    sessions = make_session_factory(engine)
    metrics = Metrics()
    classifiers = Classifiers(sessions, settings, patience=settings.prediction_wait_seconds, watch=metrics.waiting.set)
    submission_line = Line(
        _SUBMISSIONS_PER_PREDICTION * settings.prediction_threads,
        patience=settings.submission_wait_seconds,
        name="submit",
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        submission_line.close()
        classifiers.close()
        engine.dispose()

    app = FastAPI(
        title="Wingcheck",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        form_limits={
            "max_fields": settings.max_form_fields,
            "max_files": max(settings.max_photos_per_request, settings.max_photos_per_submission) + _SPARE_FILES,
            "max_part_size": _LONGEST_FIELD,
        },
    )
    storage = make_storage(settings)
    app.state.settings = settings
    app.state.sessions = sessions
    app.state.classifiers = classifiers
    app.state.prediction_line = classifiers.line
    app.state.submission_line = submission_line
    app.state.room_for_photos = Room(settings.upload_memory_megabytes * 1_000_000)
    app.state.storage = storage
    app.state.readiness = Readiness(sessions, storage, classifiers)
    app.state.metrics = metrics
    app.state.volunteer_cookie = VolunteerCookie(settings.signing_key(), secure=settings.secure_cookies)
    app.state.attention = Attention(sessions, storage, classifiers)
    app.state.send_message = Dispatcher(settings.queue_url).send
    app.state.submissions = Submissions(sessions, storage, classifiers, app.state.send_message, settings)
    app.state.squares = Squares(sessions, app.state.send_message)
    app.state.open_runs = open_runs_with
    app.state.runs = Runs(sessions, settings, app.state.send_message)
    limits = RateLimits(settings, sessions, settings.signing_key())
    app.state.accounts = Accounts(settings, sessions, limits)
    app.router.routes.extend(_routes())
    app.mount("/static", static_files(), name="static")
    errors.install(app)
    openapi.install(app, settings)
    _add_edges(app, settings, limits)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """What is answered. Applications of one process share it: FastAPI takes seconds to read so many signatures."""
    holder = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, responses=openapi.EVERYWHERE)
    for router in ROUTERS:
        holder.include_router(router)
    return list(holder.routes)


def _add_edges(app: FastAPI, settings: Settings, rates: RateLimits) -> None:
    """Put the layers around the application. The last one added is the outermost."""
    app.add_middleware(AnswerHead)
    app.add_middleware(CatchErrors)
    app.add_middleware(LimitBody, settings=settings)
    app.add_middleware(LimitRate, limits=rates, exempt=settings.rate_limit_exempt)
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
    app.add_middleware(MeasureRequests, metrics=app.state.metrics)
    app.add_middleware(LogRequests)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=listed(settings.trusted_proxies))
