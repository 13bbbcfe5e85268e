"""Packet sources of bench/, which is no part of the package: its modules are found from the top of the repository."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Thread

import pytest

from ebpfc.compiler.toolchain.find import Compiler, find_compiler

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.state_source import FlowSource, Plan

THREADS = 8

Together = Callable[[Sequence[Plan], int, int], tuple[float, float]]


@pytest.fixture(scope="session")
def compiler() -> Compiler:
    return find_compiler(None)


@pytest.fixture(scope="module")
def source(compiler: Compiler) -> Iterator[FlowSource]:
    found = FlowSource(compiler)
    yield found
    found.close()


@pytest.fixture(scope="module")
def together(compiler: Compiler) -> Iterator[Together]:
    """A function that sends some packets of each plan into one program, a thread and a packet source each, the
    threads on all processors in turn: left alone, they may all stay on one. It answers how many seconds packets came
    at least, and at most."""
    sources, processors = [FlowSource(compiler) for _ in range(THREADS)], sorted(os.sched_getaffinity(0))

    def drive(plans: Sequence[Plan], program_fd: int, packets: int) -> tuple[float, float]:
        failures: list[BaseException] = []

        def one(number: int) -> None:
            try:
                os.sched_setaffinity(0, {processors[number % len(processors)]})  # of this thread
                sources[number].drive(plans[number], program_fd, packets)
            except BaseException as failure:
                failures.append(failure)

        threads = [Thread(target=one, args=(number,)) for number in range(len(plans))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        spans = [source.span for source in sources[: len(plans)]]
        begin = min(first for first, _ in spans)
        return (max(last for _, last in spans) - begin) / 1e9, (time.monotonic_ns() - begin) / 1e9

    yield drive
    for found in sources:
        found.close()
