"""Where the network looked, for the desk's pages."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.core.web.auth import Reviewer

router = APIRouter(include_in_schema=False)


@router.get("/review/photos/{token}/attention.png")
def show(request: Request, user: Reviewer, token: str, taxon: Annotated[str, Query(max_length=200)] = "") -> Response:
    """A transparent picture to lay over the photo; asked for anew each time, because the square may be moved, and another
    version may serve.
    """
    picture = request.app.state.attention.picture(user.user_id, token, taxon)
    return Response(picture, media_type="image/png", headers={"Cache-Control": "private, no-cache"})
