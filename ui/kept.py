"""Conversations that outlive a reload of their page.

They stay on the server, so that no browser can forge a turn; a browser's tab holds only the random
key. Kept in memory: a restart forgets them, as it forgets whoever had the page open.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable

from ui.conversation import Conversation

MAX_KEPT = 50
"""Each may have some 100 KB."""
KEPT_S = 12 * 3600.0

_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Kept:
    """The newest conversations by the keys of their pages."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[Conversation, float]] = OrderedDict()

    def keep(self, conversation: Conversation) -> None:
        """Remember a conversation in place of what its page had before."""
        if not _KEY.fullmatch(conversation.key):
            return
        self._known.pop(conversation.key, None)
        if conversation.exchanges:
            self._known[conversation.key] = (conversation, self._clock())
        while len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)

    def of(self, key: str) -> Conversation:
        """What the page with this key has talked about; empty when that is not known any more."""
        conversation, at = self._known.get(key, (Conversation(key=key), self._clock()))
        return conversation if self._clock() - at < KEPT_S else Conversation(key=key)
