"""What this machine has, found out without loading anything heavy."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

_NVIDIA_TIMEOUT_S = 5.0
_GB = 1_000_000_000


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_gb() -> float | None:
    """Physical memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GB
    except (ValueError, OSError):
        return None


def free_disk_gb(folder: Path) -> float:
    """Free space where a folder is, or would be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free / _GB


def gpu() -> str:
    """The graphics cards that the driver reports, or an empty string."""
    tool = shutil.which("nvidia-smi")
    if tool is not None:
        query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
        try:
            answer = subprocess.run(
                query, capture_output=True, text=True, timeout=_NVIDIA_TIMEOUT_S, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return "; ".join(line.strip() for line in answer.stdout.splitlines() if line.strip())
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "Apple silicon"
    return ""
