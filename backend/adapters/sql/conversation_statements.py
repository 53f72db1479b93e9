"""The statements on conversations, built once: building one takes longer than running it.

The owner is in the WHERE of every one of them. Parameters: ``owner``, ``session``, and what the
statement's own comment names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Insert,
    Integer,
    Select,
    String,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    true,
    union_all,
    update,
)

from backend.adapters.sql.conversation_rows import CONVERSATION_COLUMNS, MESSAGE_COLUMNS
from backend.adapters.sql.dialects import INSERTS
from backend.adapters.sql.tables import chat_messages, chat_sessions
from backend.adapters.sql.types import UtcTime
from backend.conversation_ports import UNTITLED

_OWNER = bindparam("owner", type_=String())
_SESSION = bindparam("session", type_=String())
_AT = bindparam("at", type_=UtcTime())

_of_owner = chat_sessions.c.user_id == _OWNER
_is_session = (chat_sessions.c.id == _SESSION) & _of_owner
_in_session = (chat_messages.c.session_id == _SESSION) & exists().where(_is_session)
_asked_first = case((chat_messages.c.role == "user", 0), else_=1)
_in_order = (chat_messages.c.created_at, _asked_first, chat_messages.c.id)
_is_turn = (chat_messages.c.role == "user") | (chat_messages.c.role == "assistant")
_message_count = (
    select(func.count())
    .where(chat_messages.c.session_id == chat_sessions.c.id)
    .correlate(chat_sessions)
    .scalar_subquery()
    .label("message_count")
)
_own_messages = chat_messages.join(chat_sessions, chat_sessions.c.id == chat_messages.c.session_id)

TOTAL = select(func.count().label("total")).select_from(chat_sessions).where(_of_owner)
PAGE = (
    select(*CONVERSATION_COLUMNS, _message_count, TOTAL.scalar_subquery().label("total"))
    .where(_of_owner)
    .order_by(chat_sessions.c.updated_at.desc(), chat_sessions.c.id)
    .limit(bindparam("limit", type_=Integer()))
    .offset(bindparam("offset", type_=Integer()))
)
"""Used last first; ``limit``, ``offset``. Each row has the total: most pages need nothing more."""

CONVERSATION = select(*CONVERSATION_COLUMNS).where(_is_session)
COUNTED = CONVERSATION.add_columns(_message_count)
MESSAGES = select(*MESSAGE_COLUMNS).where(_in_session).order_by(*_in_order)
LAST_TURNS = (
    select(
        chat_messages.c.role,
        func.substr(chat_messages.c.content, 1, bindparam("chars", type_=Integer())).label(
            "content"
        ),
    )
    .where(_in_session, _is_turn)
    .order_by(*(column.desc() for column in _in_order))
    .limit(bindparam("count", type_=Integer()))
)
"""Newest first; ``count``, ``chars``."""

ALL_CONVERSATIONS = (
    select(*CONVERSATION_COLUMNS)
    .where(_of_owner)
    .order_by(chat_sessions.c.created_at, chat_sessions.c.id)
)
ALL_MESSAGES = (
    select(*MESSAGE_COLUMNS)
    .select_from(_own_messages)
    .where(_of_owner)
    .order_by(chat_messages.c.session_id, *_in_order)
)

ADD = insert(chat_sessions)
"""A whole row."""
RENAME = (
    update(chat_sessions).where(_is_session).values(title=bindparam("new_title"), updated_at=_AT)
)
DELETE = delete(chat_sessions).where(_is_session)
DELETE_MESSAGES = delete(chat_messages).where(_in_session)
CLEAR = delete(chat_sessions).where(_of_owner)
CLEAR_MESSAGES = delete(chat_messages).where(
    chat_messages.c.session_id.in_(select(chat_sessions.c.id).where(_of_owner))
)


def _placing(into: Callable[[Any], Any]) -> Insert:
    stands: Select[Any] = (
        select(chat_messages.c.session_id)
        .select_from(_own_messages)
        .where(chat_messages.c.id == bindparam("answer"), _of_owner)
    )
    wanted = select(chat_sessions.c.id).where(_is_session)
    place = func.coalesce(stands.scalar_subquery(), wanted.scalar_subquery(), bindparam("new"))
    adding = into(chat_sessions).values(
        id=place,
        user_id=_OWNER,
        title=bindparam("new_title"),
        is_active=true(),
        created_at=_AT,
        updated_at=_AT,
    )
    # by name: nothing in an INSERT tells the subquery that this table stands outside of it
    here: Any = literal_column("chat_sessions.id")
    unused = (chat_sessions.c.title == UNTITLED) & ~exists().where(
        chat_messages.c.session_id == here
    )
    changes = {
        "updated_at": adding.excluded.updated_at,
        "is_active": true(),
        "title": case((unused, adding.excluded.title), else_=chat_sessions.c.title),
    }
    same_owner = chat_sessions.c.user_id == adding.excluded.user_id
    place_taken = adding.on_conflict_do_update(
        index_elements=["id"], set_=changes, where=same_owner
    )
    placing: Insert = place_taken.returning(chat_sessions.c.id)
    return placing


def _putting(adding: Any) -> Insert:
    kept = ("id", "session_id", "created_at")
    changes = {c.name: adding.excluded[c.name] for c in chat_messages.c if c.name not in kept}
    same_place = chat_messages.c.session_id == adding.excluded.session_id
    putting: Insert = adding.on_conflict_do_update(
        index_elements=["id"], set_=changes, where=same_place
    )
    return putting


PLACE = {name: _placing(into) for name, into in INSERTS.items()}
"""By dialect. Gives the conversation for a pair, made or marked as used now: the one in which
``answer`` stands already, or ``session``, or ``new`` with ``new_title``; ``at``."""
PUT = {name: _putting(into(chat_messages)) for name, into in INSERTS.items()}
"""By dialect. Whole rows of messages; one that stands in the same conversation is replaced."""


def _recording() -> Select[Any]:
    place = PLACE["postgresql"].cte("place")

    def row(said: str) -> Select[Any]:
        given = {c.name: bindparam(f"{said}_{c.name}", type_=c.type) for c in chat_messages.c}
        return select(*(given | {"session_id": place.c.id}).values())

    adding = INSERTS["postgresql"](chat_messages).from_select(
        chat_messages.c.keys(), union_all(*map(row, PAIR))
    )
    return select(place.c.id).add_cte(_putting(adding).cte("put"))


PAIR = ("asked", "answered")
RECORD = _recording()
"""``PLACE`` and ``PUT`` at once, for PostgreSQL: parameters of the one, and whole rows of messages
whose columns' names begin with ``asked_`` and ``answered_``."""
