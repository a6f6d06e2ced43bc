"""Rendering: the Jinja environment and the context of every page."""

from functools import lru_cache
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.core.paths import TEMPLATES
from app.core.web.assets import asset
from app.core.web.i18n import LANGUAGES, Language, negotiate
from app.core.web.navigation import entries_for, entry_of
from app.core.web.visitors import visitor


@lru_cache
def _environment(code: str) -> Environment:
    """One environment per language, so that translated constants are compiled into the templates."""
    language = Language(code)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = language.catalogue
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        catalogue.gettext, catalogue.ngettext, newstyle=True
    )
    environment.filters["date"] = language.date
    environment.filters["moment"] = language.moment
    environment.globals.update(
        asset=asset,
        language=code,
        languages=[{"code": key, "name": name} for key, name in LANGUAGES.items()],
    )
    return environment


def page_language(request: Request) -> Language:
    """The language of this request."""
    return Language(negotiate(request, request.app.state.settings.default_language))


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page in the request's language, from a template and its context.

    Added to the context: ``user`` (SignedIn or None), ``csrf_token``, ``navigation``, ``flash`` (None unless given), and
    ``sends_mail``: without it no page may promise a mail, or ask for an address. ``news`` is what waits for a volunteer, on
    pages that ask for it.
    """
    language = page_language(request)
    context.setdefault("flash", None)
    user = visitor(request.scope)
    navigation = entries_for(user)
    html = (
        _environment(language.code)
        .get_template(template)
        .render(
            request=request,
            current_path=request.url.path,
            status=status,
            user=user,
            csrf_token=user.csrf_token if user else "",
            sends_mail=request.app.state.settings.sends_mail,
            news=getattr(request.state, "news", None),
            navigation=navigation,
            current_entry=entry_of(navigation, request.url.path),
            **context,
        )
    )
    return HTMLResponse(html, status, headers={"Vary": "Accept-Language, Cookie"})


NO_STORE = {"Cache-Control": "no-store"}


def uncached_page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page that browsers must not cache."""
    page = render(request, template, status, **context)
    page.headers.update(NO_STORE)
    return page
