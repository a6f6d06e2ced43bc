"""The API reference at /docs, drawn by Swagger UI from our own server."""

from fastapi import APIRouter, Request, Response

from app.core.web.pages import render

router = APIRouter(include_in_schema=False)
# Swagger UI sets style attributes; everything else stays as strict as on the other pages.
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


@router.get("/docs")
def docs(request: Request) -> Response:
    """Every endpoint, to read and to try."""
    page = render(request, "core/docs.html")
    page.headers["Content-Security-Policy"] = _POLICY
    return page
