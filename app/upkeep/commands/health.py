"""`wingcheck health`: what a container's health check asks."""

import urllib.error
import urllib.request
from typing import Annotated

import typer

from app.core.commands import out
from app.core.errors import WingcheckError
from app.core.settings import get_settings


def health(
    ready: Annotated[bool, typer.Option("--ready", help="Check that it is ready, not only that it answers.")] = False,
) -> None:
    """Check the health of this machine's web server; the exit code is the result."""
    path = "readyz" if ready else "healthz"
    url = f"http://127.0.0.1:{get_settings().port}/{path}"
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=4) as answer:
            out.print(f"{answer.status} {path}")
    except urllib.error.HTTPError as error:
        raise WingcheckError(f"{path} answers {error.code}") from error
    except OSError as error:
        raise WingcheckError(f"no web server answers at {url}") from error
