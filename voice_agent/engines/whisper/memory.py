"""Keeping freed memory in the process, because the model asks for it again at once.

The attention scores of a 30 s window are blocks of tens of megabytes. By default glibc gets
such blocks from the kernel and gives them back each time; clearing the pages again made an
encode 1.2 to 1.9 times slower (measured here and on another machine).
"""

import ctypes
import sys

_M_TRIM_THRESHOLD = -1  # names and numbers of mallopt(3)
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_NEVER_BYTES = 2_000_000_000
_TOP_PAD_BYTES = 64 << 20


def keep_freed_memory() -> bool:
    """Tells glibc to keep what is freed from now on; returns whether that is possible."""
    if not sys.platform.startswith("linux"):
        return False
    glibc = ctypes.CDLL(None)
    mallopt = getattr(glibc, "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    glibc.malloc_trim(0)
    wanted = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER_BYTES), (_M_TOP_PAD, _TOP_PAD_BYTES))
    return all(mallopt(name, value) for name, value in wanted)
