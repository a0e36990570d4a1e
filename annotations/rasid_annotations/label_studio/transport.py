"""The transport: requests to a server that may be busy, restart, or lose a connection in the middle."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

import httpx

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_UNTOUCHED = frozenset({429, 503})  # the server says that it did nothing
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})
_LONGEST = 60.0  # seconds between two tries, whatever the server asks for


class PatientTransport(httpx.BaseTransport):
    """Sends a request again where that can do no harm.

    Requests that may be sent twice (all but POST) are repeated after a lost connection, a timeout, and an answer that
    says *later* (408, 425, 429, 5xx). A POST is repeated only where the server has certainly not acted on it: the
    connection was refused, or the answer was 429 or 503. What else becomes of a POST only the caller can find out.

    Attributes:
        requests: how many were sent, repeated ones included.
    """

    def __init__(self, inner: httpx.BaseTransport, *, patience: float) -> None:
        """
        Args:
            inner: what sends a request.
            patience: seconds after the first failure during which a request is tried again.
        """
        self.requests = 0
        self._inner = inner
        self._patience = patience

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request until it is answered, or patience ends with the last answer or error."""
        end: float | None = None
        wait = 0.25
        while True:
            self.requests += 1
            response: httpx.Response | None = None
            error: httpx.TransportError | None = None
            try:
                response = self._inner.handle_request(request)
                response.read()  # here, where a connection that is cut in the middle can be told from a whole answer
                if response.status_code not in _LATER:
                    return response
            except httpx.TransportError as problem:
                if response is not None:
                    response.close()
                response, error = None, problem
            end = end or time.monotonic() + self._patience
            pause = max(_asked(response), wait * random.uniform(0.8, 1.2))
            if not _may_repeat(request, response, error) or time.monotonic() + pause > end:
                if response is None:
                    assert error is not None
                    raise error
                return response
            time.sleep(pause)
            wait = min(2 * wait, 8.0)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _may_repeat(request: httpx.Request, response: httpx.Response | None, error: httpx.TransportError | None) -> bool:
    # Exchanging a personal access token for a short-lived one changes nothing on the server.
    if request.method in _REPEATABLE or request.url.path.endswith("/api/token/refresh/"):
        return True
    if response is not None:
        return response.status_code in _UNTOUCHED
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _asked(response: httpx.Response | None) -> float:
    """The seconds that the server asks to wait, 0 where it does not say."""
    value = response.headers.get("retry-after", "") if response is not None else ""
    if value.isdigit():
        return min(float(value), _LONGEST)
    try:
        return min(max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0), _LONGEST)
    except ValueError:
        return 0.0
