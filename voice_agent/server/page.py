"""The page: talking to the agent from a browser."""

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

_STATIC = Path(__file__).parent / "static"
_FILES = {path.name: path for path in _STATIC.iterdir() if path.is_file()}
# the page loads nothing from anywhere else
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # a new version is seen at once; a file that did not change is not sent again
    "Cache-Control": "no-cache",
}

page_router = APIRouter()


@page_router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The page itself."""
    return FileResponse(_STATIC / "index.html", headers=_HEADERS)


@page_router.get("/static/{name}", include_in_schema=False)
async def static(name: str) -> FileResponse:
    """One of its files."""
    path = _FILES.get(name)
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, headers=_HEADERS)
