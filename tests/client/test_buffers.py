"""What the kernel may hold of a connection, seen on real sockets."""

import socket
from contextlib import closing

import pytest

from voice_agent.client.buffers import BUFFER_BYTES, bound_buffers
from voice_agent.server.backpressure import bound_kernel

# Linux reports what was set twice over: half of it is for its own book-keeping.
_MOST_BYTES = 2 * BUFFER_BYTES


@pytest.mark.parametrize("buffer", [socket.SO_SNDBUF, socket.SO_RCVBUF])
def test_both_ends_of_a_connection_hold_a_bounded_amount(buffer: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        bound_kernel(listener)
        with closing(socket.create_connection(listener.getsockname())) as there:
            bound_buffers(there)
            here, _ = listener.accept()
            with closing(here):
                for end in (here, there):
                    assert 0 < end.getsockopt(socket.SOL_SOCKET, buffer) <= _MOST_BYTES
