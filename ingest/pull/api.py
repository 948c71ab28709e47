"""Speak to an API through dlt's REST client: pages followed, limits obeyed, dropped connections tried again.

Only here and in the sources beside it is dlt imported (the extra `pull`), and of it the REST client alone: no pipeline,
so nothing is written to disk. No message holds a header, a query or the body of an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import orjson
from dlt.sources.helpers.requests import (
    ChunkedEncodingError,
    Client,
    HTTPError,
    Request,
    RequestException,
    Response,
)
from dlt.sources.helpers.rest_client.auth import AuthConfigBase
from dlt.sources.helpers.rest_client.client import PageData, RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator, SinglePagePaginator

from ingest.pull.errors import (
    AGAIN,
    Busy,
    NotAllowed,
    NotThere,
    OddAnswer,
    PullError,
    TokenRefused,
    Unavailable,
    WrongAddress,
)

ATTEMPTS = 6
LONGEST_WAIT = 24 * 3600.0  # dlt would come back earlier than asked above its limit of 300 s
TOO_MANY, BROKEN = 429, 500
WHOLE = "$"  # the JSON path of the answer itself


@dataclass(frozen=True, slots=True)
class Manners:
    """How to speak with a source: what names the token, what it must allow, and whom to tell of waiting.

    `check` looks at every answer, for APIs that report failures in the body. `backoff` is the first pause after a
    failure in seconds; it doubles.
    """

    token_name: str
    rights: str
    tell: Callable[[str], None]
    check: Callable[[Any], None] = lambda _: None
    backoff: float = 1.0


def params_of(request: Request) -> dict[str, Any]:
    """Give the parameters of a request for a page, which are those given to `Api.pages`."""
    params: Any = request.params
    return params


class Api:
    """One API at one address, with one token."""

    def __init__(
        self, address: str, auth: AuthConfigBase, manners: Manners, *, headers: dict[str, str] | None = None
    ) -> None:
        self.address = address
        self._manners = manners
        session = Client(
            raise_for_status=False,
            request_max_attempts=ATTEMPTS,
            request_backoff_factor=manners.backoff,
            request_max_retry_delay=LONGEST_WAIT,
        ).session
        session.headers["User-Agent"] = "chatmill"
        self._session = session
        self._client = RESTClient(address, headers=headers, auth=auth, session=session)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def host(self) -> str:
        """The address without its scheme."""
        return urlsplit(self.address).netloc

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON value
        """Get one answer.

        Raises:
            PullError: there is none, for a reason that the error names.
        """
        return next(self.pages(path, params, SinglePagePaginator()))

    def pages(
        self,
        path: str,
        params: dict[str, Any] | None,
        paginator: BasePaginator,
        *,
        json: dict[str, Any] | None = None,
    ) -> Iterator[Any]:
        """Give the answers of a listing, page after page; with `json` by POST.

        Raises:
            PullError: an answer is refused, or comes not at all, for a reason that the error names.
        """
        asked: set[bytes] = set()
        try:
            for page in self._client.paginate(
                path, "POST" if json else "GET", params, json, paginator=paginator, data_selector=WHOLE,
                hooks={"response": [self._look]}, allow_redirects=False,
            ):  # fmt: skip
                self._check_next(page, asked)
                yield page.response.json()
        except HTTPError as error:
            raise self._given_up(error.response) from None
        except RequestException:
            # Its words may hold what was sent.
            raise Unavailable(f"{self.host} cannot be reached, or drops the connection.", hint=AGAIN) from None

    def check_order(self, times: Sequence[Any]) -> None:
        """Make sure that a list has the oldest change first, since its pages are asked for by time.

        Raises:
            OddAnswer: it has not, so that changes would be missed.
        """
        if any(one > other for one, other in pairwise(times)):
            raise OddAnswer(f"{self.host} does not sort its list by time, as it is asked to.", hint=AGAIN)

    def _look(self, response: Response, *_: object, **__: object) -> None:
        """Look at an answer: what may pass is left to dlt's session to try again, the rest is an error."""
        status, size = response.status_code, len(response.content)  # read whole: half-read, a connection is lost
        if status == TOO_MANY or status >= BROKEN:
            self._manners.tell(self._wording(response))
            raise HTTPError(response=response)
        if status >= 300:
            raise self._refusal(response)
        try:
            document = response.json()
        except ValueError:
            # Half an answer is as good as a dropped connection.
            raise ChunkedEncodingError(f"{size} bytes that are no JSON") from None
        self._manners.check(document)

    def _wording(self, response: Response) -> str:
        wait = response.headers.get("Retry-After", "")
        if response.status_code == TOO_MANY:
            return f"{self.host} asks for fewer calls: waiting{f' {wait} s' if wait.isdigit() else ''}."
        return f"{self.host} answers {response.status_code}: trying again."

    def _refusal(self, response: Response) -> PullError:
        status, path = response.status_code, urlsplit(response.url).path
        manners = self._manners
        if status == 401:
            return TokenRefused(
                f"{self.host} does not accept the token in {manners.token_name}.",
                hint=f"Make a new one and set it in the environment. {manners.rights}",
            )
        if status == 403:
            return NotAllowed(f"{self.host} refuses {path} to this token.", hint=manners.rights)
        if status in (404, 410):
            return NotThere(f"{self.host} has nothing at {path}.", hint="Check --account and --url.")
        if status < 400:
            return WrongAddress(f"{self.host} sends us elsewhere.", hint="Check --account and --url.")
        return OddAnswer(f"{self.host} answers {status} to {path}.", hint=AGAIN)

    def _given_up(self, response: Response | None) -> PullError:
        status = response.status_code if response is not None else BROKEN
        if status == TOO_MANY:
            return Busy(f"{self.host} goes on asking for fewer calls.", hint=AGAIN)
        return Unavailable(f"{self.host} answered {status} {ATTEMPTS} times in a row.", hint=AGAIN)

    def _check_next(self, page: PageData[Any], asked: set[bytes]) -> None:
        """Refuse to follow a link to another server, which would get the token, and one that leads in a circle.

        Raises:
            OddAnswer: it does.
        """
        if not page.paginator.has_next_page:
            return
        request: Request = page.request
        if urlsplit(request.url)[:2] != urlsplit(self.address)[:2]:
            raise OddAnswer(f"{self.host} names a next page on another server.", hint="Nothing was sent there.")
        following = orjson.dumps([request.url, request.params, request.json], default=str)
        if following in asked:
            raise OddAnswer(f"{self.host} repeats the same page.", hint=AGAIN)
        asked.add(following)
