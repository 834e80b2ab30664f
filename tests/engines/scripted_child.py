"""A child process that does what its questions say."""

import json
import os
import sys
import time


def answer(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


answer(json.dumps({"ready": True}))
while line := sys.stdin.buffer.readline():
    question = json.loads(line)
    payload = sys.stdin.buffer.read(question["bytes"])
    match question["do"]:
        case "echo":
            answer(json.dumps({"bytes": len(payload), "sum": sum(payload)}))
        case "die":
            os._exit(3)
        case "babble":
            answer("this is no json")
        case "hang":
            time.sleep(600)
