"""What belongs to an account, in every table there is."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from backend.adapters.sql.tables import chat_messages, chat_sessions, metadata, users


def delete_owned(connection: Connection, user_id: str) -> None:
    """Delete the account and every row that is its own.

    Foreign keys would do most of it; the statements are for databases whose keys were made without
    ``ON DELETE CASCADE``, and for tables that name the owner without a key.
    """
    own_chats = select(chat_sessions.c.id).where(chat_sessions.c.user_id == user_id)
    connection.execute(delete(chat_messages).where(chat_messages.c.session_id.in_(own_chats)))
    for table in reversed(metadata.sorted_tables):
        if "user_id" in table.c:
            connection.execute(delete(table).where(table.c.user_id == user_id))
    connection.execute(delete(users).where(users.c.id == user_id))
