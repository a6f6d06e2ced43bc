"""Where the network looked, as pictures that pages lay over photos: the desk's, and those about a model version."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.core.web.auth import Admin, Reviewer
from app.versions.attention import Attention

router = APIRouter(include_in_schema=False)
TaxonName = Annotated[str, Query(max_length=200)]


@router.get("/review/photos/{token}/attention.png")
def show(request: Request, user: Reviewer, token: str, taxon: TaxonName = "") -> Response:
    """Where the version looked whose opinion is shown. Asked for anew each time: the square may move, another may serve."""
    service: Attention = request.app.state.attention
    return _png(service.picture(user.user_id, token, taxon), "private, no-cache")


@router.get("/admin/models/{version_id}/photos/{token}/attention.png")
def of_version(request: Request, user: Admin, version_id: int, token: str, taxon: TaxonName) -> Response:
    """Where this version looked for a species."""
    service: Attention = request.app.state.attention
    return _png(service.of_version(user.user_id, version_id, token, taxon), "private, max-age=3600")


def _png(picture: bytes, cache_control: str) -> Response:
    return Response(picture, media_type="image/png", headers={"Cache-Control": cache_control})
