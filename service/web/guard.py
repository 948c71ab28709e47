"""What stands before every page and call: headers, whose site a request comes from, and who is signed in."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web import credentials
from service.web.credentials import SignedIn
from service.web.errors import NotSignedIn, OtherSite, TooLarge, WebError
from service.web.people import find_by_name
from service.web.problems import respond
from service.web.server import Server
from store import history

SECURE_PREFIX = "__Host-"
"""The prefix makes browsers insist on TLS and on our own host alone (RFC 6265bis, section 4.1.3.2)."""

OPEN_PAGES = ("/static/", "/sign-in", "/enter")
OPEN_CALLS = ("/api/v1/openapi.json",)
POLLED = ("/tasks", "/working")
"""What pages ask for by themselves: a session is not in use because a tab stands open."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
UPLOADS = ("/files",)
"""How the addresses end that take files; everything else takes forms and JSON."""
MOST_BODY = 4 * 2**20

TLS_HEADER = "max-age=31536000"


class Guard:
    """Let through what may come in; the signed-in person stands in `request.state.person`."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, and add our headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message))
            await send(message)

        try:
            signed_in = await self._admit(request)
        except WebError as error:
            await respond(request, error)(scope, receive, send_with_headers)
            return
        if signed_in is None:
            await self._app(scope, receive, send_with_headers)
            return
        request.state.signed_in = signed_in
        with history.acting_as(signed_in.person.name):
            await self._app(scope, receive, send_with_headers)

    async def _admit(self, request: Request) -> SignedIn | None:
        """Give who is signed in, or None for what is open to everybody.

        Raises:
            OtherSite: another site sent this, or calls us by a name that is not ours.
            NotSignedIn: nobody is signed in.
        """
        _check_host(request.headers, self._server)
        has_token = _bearer(request.headers) is not None
        if request.method not in SAFE_METHODS and not has_token:
            _check_site(request.headers)
        if not request.url.path.endswith(UPLOADS):
            _check_body(request.headers)
        signed_in = await run_in_threadpool(self._signed_in, request)
        is_open = request.url.path in OPEN_CALLS or request.url.path.startswith(OPEN_PAGES)
        if signed_in is None and not is_open:
            raise NotSignedIn("Nobody is signed in, or no longer.", hint="Sign in, or send a valid API token.")
        return signed_in

    def _signed_in(self, request: Request) -> SignedIn | None:
        token = _bearer(request.headers)
        secret = request.cookies.get(session_cookie(self._server))
        with self._server.store.another() as store:
            if token is not None:
                return credentials.find(store, token, ("token",))
            if secret is not None and (
                found := credentials.find(store, secret, ("session",), is_use=request.url.path not in POLLED)
            ):
                return found
            access = self._server.access
            address = request.client.host if request.client else ""
            name = request.headers.get(access.proxy_header) if access.proxy_header else None
            if name and access.is_proxy(address) and (person := find_by_name(store, name)):
                return SignedIn("", "proxy", person)
        return None

    def _add_headers(self, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if self._server.access.is_secure:
            headers["Strict-Transport-Security"] = TLS_HEADER
        headers.setdefault("Cache-Control", "no-store")


def session_cookie(server: Server) -> str:
    """Name the cookie that holds a browser's session; browsers do not tell services on other ports apart."""
    name = f"chatmill-{server.workspace.settings.workspace.id[:8]}"
    return SECURE_PREFIX + name if server.access.is_secure else name


def _check_host(headers: Headers, server: Server) -> None:
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    if server.access.hosts and host not in server.access.hosts:
        raise OtherSite(
            "The service does not answer to this name.", hint="Open it by the address that chatmill serve printed."
        )


def _check_site(headers: Headers) -> None:
    """Refuse changes that another site asks for (OWASP CSRF cheat sheet, 2025: fetch metadata, then the origin)."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        is_ours = origin is not None and urlsplit(origin).netloc == headers.get("host")
    if not is_ours:
        raise OtherSite("Another site sent this request.", hint="Do it on the service's own pages.")


def _check_body(headers: Headers) -> None:
    """Refuse what would be kept in memory whole, or written to readable temporary files."""
    if headers.get("content-type", "").startswith("multipart/"):
        raise WebError("Files are not sent as forms here.", hint="Send each as the body of a request of its own.")
    length = headers.get("content-length")
    if "transfer-encoding" in headers or (length is not None and (not length.isdecimal() or int(length) > MOST_BODY)):
        raise TooLarge(
            f"A form or call holds at most {MOST_BODY // 2**20} MB, and says its length.", hint="Send less at once."
        )


def _bearer(headers: Headers) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None
