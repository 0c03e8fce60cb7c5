"""Logs before, beside and after children of each kind; every process says which records it wrote."""

from __future__ import annotations

import faulthandler
import json
import logging
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

import fapilog_otel

CHILDREN = 4
EACH = 50

cached = fapilog_otel.get_logger("shop.cached")
stdlib = logging.getLogger("shop.stdlib")
children: list[int] = []


def write(side: str, count: int = EACH) -> None:
    new = fapilog_otel.get_logger(f"shop.new.{side}")
    for index in range(count):
        cached.info("order placed", key=f"{side}.cached.{index}")
        new.info("order placed", key=f"{side}.new.{index}")
        stdlib.info("order placed", extra={"key": f"{side}.stdlib.{index}"})
    keys = [f"{side}.{kind}.{index}" for index in range(count) for kind in ("cached", "new", "stdlib")]
    report({"written": keys})


def report(fields: dict[str, object]) -> None:
    # One write, so that the lines of several processes cannot mix.
    os.write(1, (json.dumps({"pid": os.getpid(), **fields}) + "\n").encode())


def report_stats(handle: fapilog_otel.Handle) -> None:
    stats = handle.stats()
    report({"stats": asdict(stats), "balanced": stats.balanced})


def fork() -> bool:
    """Fork; True in the child."""
    pid = os.fork()
    if pid:
        children.append(pid)
    return pid == 0


def fork_and_exit() -> None:
    for number in range(CHILDREN):
        if fork():
            write(f"child{number}")
            sys.exit(0)


def fork_and_shut_down() -> None:
    for number in range(CHILDREN):
        if fork():
            write(f"child{number}")
            clean = fapilog_otel.shutdown()
            report_stats(handle)
            os._exit(0 if clean else 1)


def fork_and_flush() -> None:
    for number in range(CHILDREN):
        if fork():
            write(f"child{number}")
            flushed = handle.flush()
            report_stats(handle)
            os._exit(0 if flushed else 1)


def fork_from_two_threads() -> None:
    def fork_each(first: int) -> None:
        for number in range(first, first + CHILDREN):
            if fork():
                write(f"child{number}")
                os._exit(0 if handle.flush() else 1)

    other = threading.Thread(target=fork_each, args=(CHILDREN,))
    other.start()
    fork_each(0)
    other.join()


def fork_a_grandchild() -> None:
    if fork():
        children.clear()
        write("child0")
        if fork():
            write("grandchild")
            sys.exit(0)
        wait_for_children()
        sys.exit(0)


def multiprocessing_by_fork() -> None:
    run([multiprocessing.get_context("fork").Process(target=write, args=(f"child{n}",)) for n in range(CHILDREN)])


def multiprocessing_pool() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(write, [f"child{number}" for number in range(CHILDREN)])
        pool.close()
        pool.join()


def multiprocessing_by_spawn() -> None:
    context = multiprocessing.get_context("spawn")
    run([context.Process(target=configure_and_write, args=(f"child{n}",)) for n in range(2)])


def multiprocessing_pool_terminated() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(write, [f"child{number}" for number in range(CHILDREN)])


def multiprocessing_by_forkserver() -> None:
    context = multiprocessing.get_context("forkserver")
    run([context.Process(target=configure_and_write, args=(f"child{n}",)) for n in range(2)])


def executor_by_fork() -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as executor:
        list(executor.map(write, [f"child{number}" for number in range(CHILDREN)]))


def executor_by_spawn() -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        list(executor.map(configure_and_write, [f"child{number}" for number in range(CHILDREN)]))


def configure_and_write(side: str) -> None:
    fapilog_otel.configure()
    write(side)


def run(processes: list[multiprocessing.process.BaseProcess]) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0, process.exitcode


def wait_for_children() -> None:
    for pid in children:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def log_beside() -> None:
    for round_ in range(1_000_000):
        write(f"beside{round_}", 10)
        if done.wait(0.002):
            return


if __name__ == "__main__":
    faulthandler.enable()
    handle = fapilog_otel.configure()
    write("before")
    done = threading.Event()
    beside = threading.Thread(target=log_beside)
    beside.start()
    globals()[sys.argv[1]]()
    wait_for_children()
    done.set()
    beside.join()
    write("after")
    assert handle.flush()
    report_stats(handle)
