"""How much the kernel may hold of a connection: on both of its ends the same."""

import socket

# Each way. Linux doubles it for its own book-keeping, and no longer grows the buffer itself.
# It holds 8 s of 16 kHz int16, so what waits to be heard is bounded by the service and not by
# the kernel; and 30 sessions hold 15 MiB at most instead of a gigabyte. 128 KiB on their way
# carry 640 kB/s to the other end of the world (200 ms there and back), 6 times what 24 kHz
# float32 takes; on a loopback or a LAN connections are as fast as before (measured: 0.7 to
# 0.9 GB/s in frames of 1 MiB, with and without).
BUFFER_BYTES = 128 << 10


def bound_buffers(connection: socket.socket) -> None:
    """Bounds what the kernel holds of a connection, received and to send.

    Args:
        connection: Connected, or listening: then of every connection that it accepts.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
