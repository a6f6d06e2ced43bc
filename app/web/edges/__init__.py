"""What every request passes before a route sees it: addresses, names, limits, log lines."""

from fastapi import FastAPI
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.services.rate_limits import RateLimits
from app.settings import Settings, listed
from app.web.edges.head import AnswerHead
from app.web.edges.hosts import AllowedHosts
from app.web.edges.rate_limits import LimitRate
from app.web.edges.request_limits import LimitBody, LimitHead
from app.web.edges.request_log import LogRequests
from app.web.edges.visitors import KnowVisitors
from app.web.errors import CatchErrors
from app.web.metrics import MeasureRequests
from app.web.security import SecurityHeaders


def install(app: FastAPI, settings: Settings, rates: RateLimits) -> None:
    """Put the layers around the application. The last one added is the outermost."""
    app.add_middleware(AnswerHead)
    app.add_middleware(CatchErrors)
    app.add_middleware(LimitBody, settings=settings)
    app.add_middleware(LimitRate, limits=rates, exempt=settings.rate_limit_exempt)
    app.add_middleware(
        KnowVisitors,
        cookie=app.state.session_cookie,
        sessions=app.state.user_sessions,
        keys=app.state.api_keys,
        secret=settings.signing_key(),
    )
    app.add_middleware(AllowedHosts, settings=settings)
    app.add_middleware(LimitHead, settings=settings)
    app.add_middleware(SecurityHeaders, over_tls=settings.secure_cookies)
    app.add_middleware(MeasureRequests, metrics=app.state.metrics)
    app.add_middleware(LogRequests)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=listed(settings.trusted_proxies))
