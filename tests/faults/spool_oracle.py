"""What the crash tests of the spool share: requests that prove themselves, and a book of what was acknowledged."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterable
from pathlib import Path

from tests.unit.delivery.spool.spools import PATIENCE, Running, started

ID = 8
HASH = 32
RECORDS = 10
"""Records that a request stands for."""


def request(number: int, size: int, rng: random.Random) -> bytes:
    """A request: its number, the hash of both, random bytes."""
    payload = rng.randbytes(size)
    head = number.to_bytes(ID, "big")
    return head + hashlib.sha256(head + payload).digest() + payload


def number_of(body: bytes) -> int:
    """The number of a request that was read back; it must be as it was written."""
    head, digest, payload = body[:ID], body[ID : ID + HASH], body[ID + HASH :]
    if hashlib.sha256(head + payload).digest() != digest:
        raise AssertionError("a wrong payload was given out")
    return int.from_bytes(head, "big")


class Book:
    """What a writer has told of: ``A`` and a number for acknowledged, ``D`` for about to be deleted."""

    ENTRY = 1 + ID

    def __init__(self) -> None:
        self.acknowledged: set[int] = set()
        self.deleted: set[int] = set()

    def read(self, told: bytes) -> None:
        """Note what a writer has told, whole entries only."""
        for start in range(0, len(told) - len(told) % self.ENTRY, self.ENTRY):
            number = int.from_bytes(told[start + 1 : start + self.ENTRY], "big")
            (self.acknowledged if told[start : start + 1] == b"A" else self.deleted).add(number)

    def missing(self, found: Iterable[int]) -> set[int]:
        """Acknowledged requests that nobody has deleted, and that are gone."""
        return self.acknowledged - self.deleted - set(found)


def tell(descriptor: int, kind: bytes, number: int) -> None:
    """Tell the book of one thing, in one write."""
    os.write(descriptor, kind + number.to_bytes(ID, "big"))


def write_for_ever(
    directory: Path,
    descriptor: int,
    first: int,
    *,
    seed: int,
    sizes: tuple[int, int],
    limit: int = 1 << 40,
    **policy: object,
) -> Running:
    """Store requests, several at a time, and deliver some; tell of each acknowledgement and each deletion before it."""
    rng = random.Random(seed)
    one = started(directory, **policy)
    numbers = iter(range(first, first + limit))
    waiting = []
    for number in numbers:
        body = request(number, rng.randint(*sizes), rng)
        waiting.append((number, one.spool.put("a", (body,), {9: RECORDS})))
        if len(waiting) < rng.randint(1, 8):
            continue
        for stored, future in waiting:
            row = future.result(PATIENCE)
            tell(descriptor, b"A", stored)
            if rng.random() < 0.3:
                tell(descriptor, b"D", stored)
                one.spool.delete(row)
            else:
                one.spool.give_back(row)
        waiting = []
        if rng.random() < 0.2:
            for row, body in one.take(2):
                tell(descriptor, b"D", number_of(body))
                one.spool.delete(row)
    return one


def everything(directory: Path, **policy: object) -> tuple[list[int], Running]:
    """Start a spool on what is there and take all of it; give the numbers, and the spool, which still runs."""
    one = started(directory, **policy)
    found: list[int] = []
    one.spool.look().result(PATIENCE)
    while rows := one.take(256):
        found += [number_of(body) for _, body in rows]
        for row, _ in rows:
            one.spool.delete(row)
    return found, one
