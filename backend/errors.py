"""The error tree. Every error that may reach a caller is one of these.

AppError                 500 internal_error     something that should not happen; the log has the id
|- BadRequest            400 bad_request        the request is not readable
|- NotSignedIn           401 not_signed_in      no or no valid credential
|- Forbidden             403 forbidden          a credential that does not allow this
|- NotFound              404 not_found          not there, or not yours
|- Conflict              409 conflict           the same thing is under way or exists
|- TooLarge              413 too_large          more bytes than allowed
|- UnsupportedMedia      415 unsupported_media  a content type or encoding that is not taken
|- Invalid               422 invalid            a field does not fit; names field, limit and value
|- RateLimited           429 rate_limited       the caller asked too often
|- NotConfigured         503 not_configured     a part needs a variable that is missing or wrong
|- ShuttingDown          503 shutdown           the process is being stopped
|- Starting              503 starting           the process has not finished starting
`- UpstreamError         503 upstream_unavailable  another server failed
   |- UpstreamTimeout      upstream_timeout        no answer in time; transient
   |- UpstreamUnavailable  upstream_unavailable    reset, 5xx; transient
   |- UpstreamRefused      upstream_unavailable    nobody listens there; not retried at once
   |- UpstreamRateLimited  upstream_rate_limited   429 with room to wait; transient, trips nothing
   |- UpstreamQuota        quota                   429 that waiting does not mend
   |- UpstreamMalformed    upstream_malformed      an answer that cannot be read; transient
   |- UpstreamRejected     upstream_rejected       a request or credential that the upstream refuses
   |- IndexMissing         index_missing           the collection is not there
   |- DimensionMismatch    dimension_mismatch      vectors of another length than the collection's
   |- StorageReadOnly      storage_readonly        the database can be read but not written
   `- CircuitOpen          circuit_open            not asked: it failed too often a moment ago
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backend.domain import Answer


class AppError(Exception):
    """An error with everything a response needs: ``status``, ``code`` and one sentence."""

    status = 500
    code = "internal_error"
    retryable = False

    def __init__(
        self,
        detail: str = "Something went wrong on our side; the log knows more under this request id.",
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.retry_after_s = retry_after_s
        self.errors = errors
        self.partial: Answer | None = None
        """What had been said of an answer that broke off after its first token."""


class BadRequest(AppError):
    """The request cannot be read."""

    status, code = 400, "bad_request"


class NotSignedIn(AppError):
    """There is no credential, or it is not valid."""

    status, code = 401, "not_signed_in"


class Forbidden(AppError):
    """The credential does not allow this."""

    status, code = 403, "forbidden"


class NotFound(AppError):
    """Not there, or not the caller's."""

    status, code = 404, "not_found"


class Conflict(AppError):
    """The same thing is under way or exists."""

    status, code = 409, "conflict"


class TooLarge(AppError):
    """More bytes than allowed."""

    status, code = 413, "too_large"


class UnsupportedMedia(AppError):
    """A content type or encoding that is not taken."""

    status, code = 415, "unsupported_media"


class Invalid(AppError):
    """A field does not fit."""

    status, code = 422, "invalid"


class RateLimited(AppError):
    """The caller asked too often."""

    status, code, retryable = 429, "rate_limited", True


class NotConfigured(AppError):
    """A part needs a variable that is missing or wrong; ``detail`` names it."""

    status, code = 503, "not_configured"


class ShuttingDown(AppError):
    """The process is being stopped."""

    status, code, retryable = 503, "shutdown", True


class Starting(AppError):
    """The process has not finished starting."""

    status, code, retryable = 503, "starting", True


class UpstreamError(AppError):
    """Another server failed.

    ``transient``: a retry may help. ``trips``: it counts as a failure of the circuit breaker.
    ``configuration``: somebody has to correct a setting or an account, which is shown at once.
    ``upstream`` is the circuit's name (``openai``, ``qdrant``, ``database``).
    """

    status, code, retryable = 503, "upstream_unavailable", True
    transient = False
    trips = True
    configuration = False

    def __init__(self, upstream: str, detail: str, **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.upstream = upstream


class UpstreamTimeout(UpstreamError):
    """No answer in time."""

    code, transient = "upstream_timeout", True


class UpstreamUnavailable(UpstreamError):
    """The connection broke or the server answered 5xx."""

    transient = True


class UpstreamRefused(UpstreamError):
    """Nobody listens at the address: an immediate retry would meet the same silence."""


class UpstreamRateLimited(UpstreamError):
    """The upstream asks to wait; ``retry_after_s`` says how long when it said so."""

    code, transient, trips = "upstream_rate_limited", True, False


class UpstreamQuota(UpstreamError):
    """The account has no quota left: waiting does not mend it."""

    code, trips, retryable = "quota", False, False
    configuration = True


class UpstreamMalformed(UpstreamError):
    """An answer that cannot be read."""

    code, transient = "upstream_malformed", True


class UpstreamRejected(UpstreamError):
    """The upstream refuses the request or the credential: a configuration fault, not an outage."""

    code, trips, retryable = "upstream_rejected", False, False


class IndexMissing(UpstreamError):
    """The collection is not there."""

    code, trips, retryable = "index_missing", False, False
    configuration = True


class DimensionMismatch(UpstreamError):
    """Vectors of another length than the collection holds; ``detail`` has both numbers."""

    code, trips, retryable = "dimension_mismatch", False, False
    configuration = True


class StorageReadOnly(UpstreamError):
    """The database can be read but not written: read-only, or its disk is full."""

    code, trips = "storage_readonly", False


class CircuitOpen(UpstreamError):
    """Not asked: it failed too often a moment ago; ``retry_after_s`` is the rest of the wait."""

    code, trips = "circuit_open", False
