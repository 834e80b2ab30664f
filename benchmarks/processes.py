"""Processes of a measurement: what they use, children included, and how they end."""

import signal

import psutil


def end_in_order() -> None:
    """Makes SIGTERM end this process as Ctrl-C does: what it has started ends with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds of a process and its children, so far."""
    return sum(sum(each.cpu_times()[:2]) for each in _family(process))


def memory_mb(process: psutil.Process) -> float:
    """Resident memory of a process and its children."""
    return sum(each.memory_info().rss for each in _family(process)) / 1e6


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]
