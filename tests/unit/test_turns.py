"""Whoever computes much takes turns, and the loop looks at its sockets in between."""

from __future__ import annotations

import asyncio
import socket

from backend.turns import Turns


async def _computes(turns: Turns, name: str, told: list[str]) -> None:
    await turns.take()
    told.append(name)


async def test_who_comes_alone_does_not_wait() -> None:
    turns = Turns()
    for _ in range(3):
        taking = turns.take()
        try:
            taking.send(None)
            raise AssertionError("it waited")
        except StopIteration:
            pass
        await asyncio.sleep(0)  # the round is over


async def test_wave_is_worked_off_in_order_with_looks_at_the_sockets_in_between() -> None:
    turns, told = Turns(), list[str]()
    wave = [asyncio.create_task(_computes(turns, f"answer {n}", told)) for n in range(5)]
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    with theirs:
        theirs.send(b"health")
        await asyncio.gather(*wave, _reads(reader, told))
    writer.close()
    await writer.wait_closed()
    assert [name for name in told if name != "health"] == [f"answer {n}" for n in range(5)]
    assert told[-1] != "health", "it had to wait for the whole wave"


async def test_who_has_begun_goes_before_those_who_have_not() -> None:
    turns, told = Turns(), list[str]()

    async def in_two_parts(name: str) -> None:
        await turns.take()
        told.append(f"{name} begun")
        await turns.take(begun=True)
        told.append(f"{name} done")

    await asyncio.gather(*(in_two_parts(name) for name in "ab"))
    assert told == ["a begun", "a done", "b begun", "b done"]


async def test_who_gave_up_waiting_loses_nobody_elses_turn() -> None:
    turns, told = Turns(), list[str]()
    wave = [asyncio.create_task(_computes(turns, f"{n}", told)) for n in range(4)]
    await asyncio.sleep(0)
    wave[1].cancel()
    wave[2].cancel()
    await asyncio.wait(wave)
    assert told == ["0", "3"]


def test_another_loop_begins_anew() -> None:
    turns, told = Turns(), list[str]()

    async def left_in_the_middle() -> None:
        for n in range(3):
            asyncio.create_task(_computes(turns, f"lost {n}", told))
        await asyncio.sleep(0)

    asyncio.run(left_in_the_middle())
    told.clear()

    async def again() -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(*(_computes(turns, f"{n}", told) for n in range(3)))

    asyncio.run(again())
    assert told == ["0", "1", "2"]


async def _reads(reader: asyncio.StreamReader, told: list[str]) -> None:
    await reader.readexactly(6)
    told.append("health")
