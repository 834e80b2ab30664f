"""What a result was measured on."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def machine() -> str:
    """Processor, cores, memory, system, Python and the day, as one line."""
    cpuinfo = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = "" if Path("/dev/nvidiactl").exists() else "no GPU, "
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{os.cpu_count()} cores of {model}, {memory_gib:.0f} GiB, {gpu}"
        f"{platform.system()} {kernel}, Python {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )
