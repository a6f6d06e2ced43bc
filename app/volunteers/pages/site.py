"""Pages that stand by themselves: the species, about, the choice of language."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.core.errors import NotFound
from app.core.web.dependencies import LanguageDep, SettingsDep
from app.core.web.i18n import LANGUAGES, remember_language
from app.core.web.navigation import local
from app.core.web.pages import render
from app.predictions.dependencies import ClassifiersDep
from app.taxa.views import taxon_view
from app.volunteers.dependencies import SHOWS_NEWS

router = APIRouter(include_in_schema=False)


@router.get("/species", dependencies=[SHOWS_NEWS])
def species(request: Request, classifiers: ClassifiersDep, language: LanguageDep) -> Response:
    """The marks that tell the species apart."""
    known = [taxon_view(taxon, language) for taxon in classifiers.current().taxa]
    return render(request, "volunteers/species.html", taxa=known)


@router.get("/about", dependencies=[SHOWS_NEWS])
def about(request: Request, classifiers: ClassifiersDep) -> Response:
    """What happens with a photo, and how good the model is."""
    served = classifiers.current()
    named = {"name": served.info.name, "version": served.info.version}
    return render(request, "volunteers/about.html", model=named, accuracy=served.accuracy)


@router.get("/language/{code}")
def choose_language(code: str, settings: SettingsDep, next: str = "/") -> Response:
    """Keep the choice in a cookie and go back; only to a page of our own."""
    if code not in LANGUAGES:
        raise NotFound("There is no such language here.")
    answer = RedirectResponse(local(next), 303)
    remember_language(answer, code, secure=settings.secure_cookies)
    return answer
