"""What the account routes take and give. Unknown fields are ignored, whatever they are called."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from backend.errors import BadRequest

Model = TypeVar("Model", bound=BaseModel)


class SignUpBody(BaseModel):
    """A new account."""

    email: str = Field(description="At most 254 characters; case does not matter.")
    password: str = Field(description="8 to 128 characters.")
    name: str = Field(description="At most 255 characters.")
    proficiency: str | None = Field(None, description="beginner, intermediate, advanced or pro.")
    image: str | None = None
    rememberMe: bool | None = Field(None, description="False: the session ends with the browser.")
    callbackURL: str | None = None


class PlainSignUpBody(SignUpBody):
    """The same from clients that may leave the name out."""

    name: str | None = None  # type: ignore[assignment]


class SignInBody(BaseModel):
    """A sign-in."""

    email: str
    password: str
    rememberMe: bool | None = None
    callbackURL: str | None = Field(None, description="A path, or an address on a trusted origin.")


class UpdateUserBody(BaseModel):
    """Fields to change; those left out stay."""

    name: str | None = None
    image: str | None = None
    proficiency: str | None = None
    technical_background: str | None = Field(None, description="At most 8,000 characters.")
    hardware_access: str | None = None
    learning_goals: str | None = None


class ProfileBody(BaseModel):
    """Fields of the profile to change."""

    technical_background: str | None = None
    hardware_access: str | None = None
    learning_goals: str | None = None


class ChangePasswordBody(BaseModel):
    """A new password."""

    currentPassword: str
    newPassword: str = Field(description="8 to 128 characters.")
    revokeOtherSessions: bool | None = None


class RevokeBody(BaseModel):
    """A session to end."""

    token: str = Field(description="As /list-sessions gives it.")


class DeleteBody(BaseModel):
    """Proof that it is the owner; needed when the sign-in is more than a day old."""

    password: str | None = None


class UserOut(BaseModel):
    """An account."""

    id: str
    name: str
    email: str
    emailVerified: bool
    image: str | None
    createdAt: str
    updatedAt: str
    proficiency: str
    technical_background: str | None
    hardware_access: str | None
    learning_goals: str | None


class SessionOut(BaseModel):
    """A session; `token` of another device's session only serves to revoke it."""

    id: str
    token: str
    userId: str
    expiresAt: str
    createdAt: str
    updatedAt: str
    ipAddress: str
    userAgent: str


class FullSessionOut(SessionOut):
    """The caller's own session, with a bearer token for clients that keep one string."""

    accessToken: str
    tokenType: Literal["bearer"]


class SignedInOut(BaseModel):
    """A new session."""

    redirect: bool = False
    url: str | None = None
    token: str
    user: UserOut
    session: FullSessionOut


class CurrentOut(BaseModel):
    """Who is signed in."""

    user: UserOut
    session: FullSessionOut


class PasswordOut(BaseModel):
    """The account, and a new token where the others were revoked."""

    token: str | None
    user: UserOut
    session: FullSessionOut | None = None


class VerifiedOut(BaseModel):
    """The credential holds."""

    valid: Literal[True]
    user: UserOut


class ProfileFields(BaseModel):
    """What a reader told about himself."""

    technical_background: str | None
    hardware_access: str | None
    learning_goals: str | None


class ProfileOut(BaseModel):
    """The profile; null where none was saved."""

    profile: ProfileFields | None


class StatusOut(BaseModel):
    """Done."""

    status: Literal[True]


class SuccessOut(BaseModel):
    """Done."""

    success: Literal[True]
    message: str | None = None


class OkOut(BaseModel):
    """Alive."""

    ok: Literal[True]


class AuthErrorOut(BaseModel):
    """The body of every error below `/api/auth`."""

    code: str = Field(description="Better Auth's, in upper case, or the service's own.")
    message: str
    detail: str = Field(description="The same as `message`.")
    request_id: str


def parse(model: type[Model], fields: dict[str, Any] | None) -> Model:
    """The body as a model. Raises BadRequest in the words of the genuine server's validator."""
    if fields is None:
        raise _refusal("[body] Invalid input: expected object, received undefined")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _refusal(
            "; ".join(
                f"[body.{'.'.join(str(part) for part in problem['loc'])}] {_words(dict(problem))}"
                for problem in error.errors(include_url=False, include_context=False)
            )
        ) from None


def _refusal(message: str) -> BadRequest:
    return BadRequest(message, code="VALIDATION_ERROR")


def _words(problem: dict[str, Any]) -> str:
    kind = "boolean" if "bool" in problem["type"] else "string"
    received = "undefined" if problem["type"] == "missing" else _type_of(problem["input"])
    return f"Invalid input: expected {kind}, received {received}"


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
