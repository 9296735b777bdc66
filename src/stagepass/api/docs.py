"""The API's reference to read: Swagger UI at `/docs`, ReDoc at `/redoc`; all that they load comes from this machine.

Their scripts come with the package fastapi-standalone-docs; of its code nothing is used, since it
changes FastAPI for the whole process.
"""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response

from stagepass.errors import NotFound
from stagepass.sentences import sentence

router = APIRouter(include_in_schema=False)

_ASSETS = files("fastapi_standalone_docs") / "static"
_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_SERVED = {
    "docs": {"swagger-ui-bundle.js", "swagger-ui.css"},
    "redoc": {"redoc.standalone.js", "logo-mini.svg"},
}
_FOLDERS = {"docs": "swagger", "redoc": "redoc"}

_NO_ICON = "data:,"
_A_DAY = "public, max-age=86400"

# Both pages start by a script in the page and style themselves. Nothing of another site's is loaded.
_POLICY = (
    "default-src 'none'; connect-src 'self'; font-src 'self' data:; img-src 'self' data: blob:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; worker-src blob:; frame-ancestors 'none'"
)


@router.get("/docs")
def swagger(request: Request) -> HTMLResponse:
    """The reference with a form for each route."""
    root = _root(request)
    page = get_swagger_ui_html(
        openapi_url=f"{root}{_app(request).openapi_url}",
        title=_app(request).title,
        swagger_js_url=f"{root}/docs/swagger-ui-bundle.js",
        swagger_css_url=f"{root}/docs/swagger-ui.css",
        swagger_favicon_url=_NO_ICON,
        swagger_ui_parameters={"docExpansion": "list", "defaultModelsExpandDepth": 0, "displayRequestDuration": True},
    )
    return _guarded(page)


@router.get("/redoc")
def redoc(request: Request) -> HTMLResponse:
    """The same, to read."""
    root = _root(request)
    page = get_redoc_html(
        openapi_url=f"{root}{_app(request).openapi_url}",
        title=_app(request).title,
        redoc_js_url=f"{root}/redoc/redoc.standalone.js",
        redoc_favicon_url=_NO_ICON,
        with_google_fonts=False,
    )
    return _guarded(page)


@router.get("/docs/{name}")
def swagger_asset(name: str) -> Response:
    """Files of the `/docs` page."""
    return _asset("docs", name)


@router.get("/redoc/{name}")
def redoc_asset(name: str) -> Response:
    """Files of the `/redoc` page."""
    return _asset("redoc", name)


def _asset(page: str, name: str) -> Response:
    if name not in _SERVED[page]:
        raise NotFound(sentence("no such route; see /docs"))
    content = (_ASSETS / _FOLDERS[page] / name).read_bytes()
    return Response(content, media_type=_TYPES[name.rpartition(".")[2]], headers={"Cache-Control": _A_DAY})


def _guarded(page: HTMLResponse) -> HTMLResponse:
    page.headers["Content-Security-Policy"] = _POLICY
    return page


def _root(request: Request) -> str:
    """The path below which a proxy shows us."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def _app(request: Request) -> FastAPI:
    app: Any = request.app
    assert isinstance(app, FastAPI)
    return app
