"""Loss of power while a spool is written: images are rebuilt from traced writes and syncs, and opened.

    python -m tests.faults.spool_power --images 2000

strace records what a writer does to its files. An image holds what was synced before a point, and of what came later
any subset, writes torn at any sector; names that were made, renamed or removed since the directory was synced may or
may not be there. What was acknowledged before the point must be in every image.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.spool_oracle import Book, everything, write_for_ever

_SECTOR = 512
_KNOWN = frozenset(
    ("openat", "open", "write", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "unlink", "rename", "mkdir")
)
_OTHERS = "creat,pwritev,writev,truncate,unlinkat,renameat,renameat2,mkdirat,link,linkat,copy_file_range,sendfile"
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_UNFINISHED = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_DESCRIPTOR = re.compile(r"^(\d+)<((?:[^<>\\]|\\.)*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass
class Operation:
    """One thing that a writer did; ``told`` is what it said of requests with it."""

    kind: str
    name: str
    offset: int = 0
    data: bytes = b""
    told: bytes = b""
    to: str = ""


@dataclass
class _File:
    """A file as it is and as it is synced."""

    position: int = 0
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)


def trace(directory: Path, requests: int, seed: int, output: Path) -> None:
    """Run a writer under strace."""
    traced = ",".join((*sorted(_KNOWN), _OTHERS))
    command = [
        "strace", "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={traced}", "-o", str(output),
        sys.executable, "-m", "tests.faults.spool_power",
        "--write", str(directory), "--requests", str(requests), "--seed", str(seed),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=110)


def write(directory: Path, requests: int, seed: int) -> None:
    """What is traced: store, deliver, rotate, stop, start again."""
    with (directory.parent / "told").open("ab", buffering=0) as told:
        half = requests // 2
        policy = {"segment_bytes": 256 << 10, "idle_bytes": 64 << 10}
        one = write_for_ever(directory, told.fileno(), 1, seed=seed, sizes=(50, 9000), limit=half, **policy)
        assert one.spool.stop(20.0)
        write_for_ever(directory, told.fileno(), half + 1, seed=seed + 1, sizes=(50, 9000), limit=half, **policy)


def operations(output: Path, directory: Path) -> list[Operation]:
    """Read what strace wrote: all that was done in the directory, and what was told, in order."""
    done: list[Operation] = []
    positions: dict[str, int] = {}
    for call, arguments, result in _calls(output):
        if call not in _KNOWN:
            if str(directory) in _decoded(arguments):
                raise AssertionError(f"{call} is not replayed: {arguments[:200]}")
            continue
        operation = _operation(call, arguments, result, directory, positions)
        if operation is not None:
            done.append(operation)
    return done


def _calls(output: Path) -> Iterator[tuple[str, str, int]]:
    waiting: dict[str, str] = {}
    with output.open(encoding="ascii") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if unfinished := _UNFINISHED.match(line):
                waiting[unfinished[1]] = f"{unfinished[1]} {unfinished[2]}({unfinished[3]}"
                continue
            if resumed := _RESUMED.match(line):
                line = waiting.pop(resumed[1], "") + resumed[3]
            found = _LINE.match(line)
            if found and int(found[3]) >= 0:
                yield found[1], found[2], int(found[3])


def _decoded(text: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)


def _operation(call: str, arguments: str, result: int, directory: Path, positions: dict[str, int]) -> Operation | None:
    descriptor = _DESCRIPTOR.match(arguments)
    if call in ("openat", "open", "unlink", "rename", "mkdir"):
        names = [bytes.fromhex(text.replace("\\x", "")).decode() for text in _TEXT.findall(arguments)]
        if not names or Path(names[0]).parent != directory:
            return None
        name = Path(names[0]).name
        if call in ("open", "openat"):
            positions[name] = 0
            return Operation("create", name) if "O_CREAT" in arguments else None
        return Operation(call, name, to=Path(names[-1]).name)
    if descriptor is None:
        return None
    path = Path(_decoded(descriptor[2]).removesuffix(" (deleted)"))
    if path.name == "told" and call == "write":
        return Operation("tell", "", told=_payload(arguments))
    if path == directory:
        return Operation("sync names", "")
    if path.parent != directory or path.name.endswith((".lock", ".ballast")) or "(deleted)" in _decoded(descriptor[2]):
        return None
    if call in ("fsync", "fdatasync"):
        return Operation("sync", path.name)
    numbers = [int(number) for number in re.findall(r", (\d+)(?=,|$)", arguments)]
    if call == "ftruncate":
        return Operation("truncate", path.name, numbers[-1])
    if call == "fallocate":
        raise AssertionError(f"fallocate of {path} is not replayed")
    data = _payload(arguments)[:result]
    offset = numbers[-1]
    if call == "write":
        offset = positions.get(path.name, 0)
        positions[path.name] = offset + len(data)
    return Operation("write", path.name, offset, data)


def _payload(arguments: str) -> bytes:
    found = _TEXT.search(arguments)
    assert found is not None, arguments[:100]
    return bytes.fromhex(found[1].replace("\\x", ""))


def image(done: list[Operation], point: int, rng: random.Random) -> tuple[dict[str, bytes], Book]:
    """Give the files that may be there after a loss of power at a point, and what had been told until then."""
    files: dict[int, _File] = {}
    names: dict[str, int] = {}
    named: list[Operation] = []
    durable: dict[str, int] = {}
    book = Book()
    for number, one in enumerate(done[:point]):
        if one.kind == "tell":
            book.read(one.told)
        elif one.kind == "create":
            if one.name not in names:
                names[one.name] = number
                files[number] = _File()
                named.append(Operation("create", one.name, number))
        elif one.kind in ("unlink", "rename"):
            moved = names.pop(one.name, None)
            if one.kind == "rename" and moved is not None:
                names[one.to] = moved
            named.append(one)
        elif one.kind == "sync names":
            durable, named = dict(names), []
        elif one.name in names:
            _apply(files[names[one.name]], one)
    return _left(files, durable, named, rng), book


def _apply(file: _File, one: Operation) -> None:
    if one.kind == "sync":
        for each in file.pending:
            _write(file.durable, each)
        file.pending.clear()
    else:
        file.pending.append(one)


def _write(content: bytearray, one: Operation) -> None:
    if one.kind == "truncate":
        if one.offset <= len(content):
            del content[one.offset :]
        else:
            content.extend(bytes(one.offset - len(content)))
        return
    if len(content) < one.offset:
        content.extend(bytes(one.offset - len(content)))
    content[one.offset : one.offset + len(one.data)] = one.data


def _left(
    files: dict[int, _File], durable: dict[str, int], named: list[Operation], rng: random.Random
) -> dict[str, bytes]:
    names = dict(durable)
    kept = rng.randint(0, len(named)) if rng.random() < 0.5 else None  # in order, or any of them
    for index, one in enumerate(named):
        if index >= kept if kept is not None else rng.random() < 0.5:
            continue
        if one.kind == "create":
            names[one.name] = one.offset
        else:
            moved = names.pop(one.name, None)
            if one.kind == "rename" and moved is not None:
                names[one.to] = moved
    return {name: bytes(_torn(files[number], rng)) for name, number in names.items()}


def _torn(file: _File, rng: random.Random) -> bytearray:
    content = bytearray(file.durable)
    share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    for one in file.pending:
        if rng.random() >= share:
            continue
        if one.kind == "write" and rng.random() < 0.3:
            cut = (
                rng.randrange(0, len(one.data) + 1, _SECTOR)
                if len(one.data) > _SECTOR
                else rng.randint(0, len(one.data))
            )
            start = rng.randrange(0, cut + 1, _SECTOR)
            one = Operation("write", one.name, one.offset + start, one.data[start:cut])
        _write(content, one)
    return content


@dataclass
class Outcome:
    """What came of it; requests."""

    images: int = 0
    acknowledged: int = 0
    lost: int = 0
    put_aside: int = 0

    def __str__(self) -> str:
        return (
            f"{self.images} images, {self.acknowledged} acknowledged requests in them, {self.lost} lost, "
            f"{self.put_aside} that could not be opened and were put aside"
        )


def judge(done: list[Operation], images: int, seed: int, folder: Path) -> Outcome:
    """Make images at random points, and take all that is in them."""
    outcome = Outcome()
    rng = random.Random(seed)
    for index in range(images):
        files, book = image(done, rng.randint(1, len(done)), rng)
        directory = folder / f"image-{index}"
        directory.mkdir(0o700)
        for name, content in files.items():
            (directory / name).write_bytes(content)
            (directory / name).chmod(0o600)
        found, one = everything(directory)
        assert one.spool.stop(20.0)
        outcome.images += 1
        outcome.acknowledged += len(book.acknowledged - book.deleted)
        outcome.lost += len(book.missing(found))
        outcome.put_aside += sum("corrupt" in path.name for path in directory.iterdir())
        if any("corrupt" in path.name for path in directory.iterdir()) or book.missing(found):
            print(index, {name: len(content) for name, content in files.items()}, one.said.getvalue())
        shutil.rmtree(directory)
    return outcome


def run(images: int, requests: int, seed: int) -> Outcome:
    """Trace a writer, then judge images of what it did."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        directory = Path(folder).resolve() / "spool"
        output = Path(folder) / "trace"
        trace(directory, requests, seed, output)
        done = operations(output, directory)
        told = sum(one.kind == "tell" for one in done)
        synced = sum(one.kind == "sync" for one in done)
        assert told > requests, "the trace shows too little"
        assert synced > requests // 10
        return judge(done, images, seed, Path(memory))


def main() -> int:
    """Run it from the command line; 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--write", type=Path, help="be the writer that is traced")
    options = parser.parse_args()
    if options.write:
        write(options.write, options.requests, options.seed)
        return 0
    outcome = run(options.images, options.requests, options.seed)
    print(f"seed {options.seed}: {outcome}")
    return int(outcome.lost > 0 or outcome.put_aside > 0)


if __name__ == "__main__":
    sys.exit(main())
