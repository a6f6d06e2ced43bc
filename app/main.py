"""The web application, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import __version__
from app.db import make_engine, make_session_factory
from app.services.classifiers import Classifiers, pixel_limits
from app.services.dispatch import Dispatcher
from app.services.submissions import Submissions
from app.settings import Settings, get_settings
from app.storage import LocalStorage
from app.web import errors
from app.web.api import predict
from app.web.api import submissions as api_submissions
from app.web.assets import static_files
from app.web.body_limit import LimitBody
from app.web.dependencies import VolunteerCookie
from app.web.metrics import MeasureRequests, Metrics
from app.web.routes import docs, operations, photos, site, submissions
from app.web.security import SecurityHeaders

_DESCRIPTION = """A second opinion for every photo of a garden butterfly count.

`POST /predict` asks the model about photos and keeps nothing. `/api/v1/submissions` does what the volunteers' page does.
Errors are problem details (RFC 9457)."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application for these settings; it opens its connections when they are first needed."""
    settings = settings or get_settings()
    engine = make_engine(settings.database_url)
    sessions = make_session_factory(engine)
    classifiers = Classifiers(sessions, settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        classifiers.close()
        engine.dispose()

    app = FastAPI(
        title="Wingcheck",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    storage = LocalStorage(settings.photo_dir)
    app.state.settings = settings
    app.state.sessions = sessions
    app.state.classifiers = classifiers
    app.state.storage = storage
    app.state.metrics = Metrics()
    app.state.volunteer_cookie = VolunteerCookie(settings.signing_key(), secure=settings.secure_cookies)
    app.state.submissions = Submissions(
        sessions,
        storage,
        pixel_limits(settings),
        Dispatcher(settings.queue_url).send,
        max_photos=settings.max_photos_per_submission,
        max_file_bytes=settings.max_file_megabytes * 1_000_000,
    )
    for module in (predict, api_submissions, operations, submissions, photos, site, docs):
        app.include_router(module.router)
    app.mount("/static", static_files(), name="static")
    errors.install(app)
    # The last one added is the outermost.
    app.add_middleware(LimitBody, most=settings.max_request_megabytes * 1_000_000)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(MeasureRequests, metrics=app.state.metrics)
    return app
