"""What the service and the process of the embedded index say to each other.

A frame is its length (8 bytes, big-endian) and a pickle. Both ends are this service: the pipes are
anonymous and belong to a process and its child, so a pickle is as trustworthy as the code.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from struct import Struct
from typing import Any, BinaryIO

LENGTH = Struct(">Q")


@dataclass(frozen=True, slots=True)
class Failure:
    """An operation that failed; ``kind`` is a key of the table in ``edge_process``."""

    kind: str
    text: str = ""
    numbers: tuple[int, ...] = ()


def encode(value: Any) -> bytes:
    """The frame of a value."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data


def decode(data: bytes) -> Any:
    """The value of a frame, its length taken off."""
    return pickle.loads(data)


def read_frame(stream: BinaryIO) -> Any:
    """The next frame's value; None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    data = stream.read(length)
    return decode(data) if len(data) == length else None


def write_frame(stream: BinaryIO, value: Any) -> None:
    """Send a value at once."""
    stream.write(encode(value))
    stream.flush()
