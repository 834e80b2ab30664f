"""A child process that does what its questions say."""

import json
import os
import sys
import time

print(json.dumps({"ready": True}), flush=True)
while line := sys.stdin.buffer.readline():
    question = json.loads(line)
    payload = sys.stdin.buffer.read(question["bytes"])
    match question["do"]:
        case "echo":
            print(json.dumps({"bytes": len(payload), "sum": sum(payload)}), flush=True)
        case "die":
            os._exit(3)
        case "babble":
            print("this is no json", flush=True)
        case "hang":
            time.sleep(600)
