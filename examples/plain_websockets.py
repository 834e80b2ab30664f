"""The wire protocol without any of our code: `pip install websockets` is all it needs.

python examples/plain_websockets.py question.wav [ws://localhost:8001/ws]
"""

import json
import sys
from pathlib import Path

from websockets.sync.client import connect


def main(path: str, url: str = "ws://localhost:8001/ws") -> None:
    """Prints the finals of a file of up to half a minute."""
    with connect(url) as socket:
        socket.send(Path(path).read_bytes())
        socket.send(json.dumps({"type": "close"}))
        for data in socket:
            message = json.loads(data)
            if message["type"] == "final":
                print(message["text"])


if __name__ == "__main__":
    main(*sys.argv[1:])
