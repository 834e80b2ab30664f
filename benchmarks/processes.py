"""What a service's processes use: processor time and memory, children included."""

import psutil


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds of a process and its children, so far."""
    return sum(sum(each.cpu_times()[:2]) for each in _family(process))


def memory_mb(process: psutil.Process) -> float:
    """Resident memory of a process and its children."""
    return sum(each.memory_info().rss for each in _family(process)) / 1e6


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]
