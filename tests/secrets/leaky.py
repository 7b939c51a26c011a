"""A program and a server of tools that say what they find in their environment: `leaky.py VARIABLE [MODE]`.

With a mode it is a program that ends; without one, a server on standard input and output. Standard library only.
"""

import json
import os
import sys
from typing import Any

MINE = os.environ[sys.argv[1]]
TOLD = f"{MINE} {json.dumps(MINE)} {MINE!r} {MINE.encode().hex()}"
MANY = "\n".join(f"{TOLD} {'.' * number}" for number in range(40))


def program(mode: str) -> None:
    """End as the mode says."""
    match mode:
        case "answer":
            print(json.dumps({"mine": MINE, MINE: [TOLD]}))
        case "text":
            print(MANY)
        case "broken":
            print('{"mine": ' + TOLD)
        case "fails":
            sys.exit(f"cannot use it\n{MANY}")
        case _:
            raise KeyError(TOLD)


def server() -> None:
    """Answer until nobody asks."""
    sys.stderr.write(MANY * 40 + "\n")
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        if "id" not in message:
            continue
        answer: dict[str, Any] = {"result": {"content": [{"type": "text", "text": TOLD}]}}
        match message["method"]:
            case "initialize":
                version = message["params"]["protocolVersion"]
                about = {"name": TOLD, "version": "1"}
                answer = {"result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}}
            case "tools/list":
                schema = {"type": "object", "properties": {"text": {"type": "string"}}}
                answer = {"result": {"tools": [{"name": "echo", "inputSchema": schema}]}}
            case "tools/call":
                match message["params"]["arguments"]["text"]:
                    case "mode-failed":
                        answer["result"]["isError"] = True
                    case "mode-fault":
                        answer = {"error": {"code": -32000, "message": MANY}}
                    case "mode-dies":
                        sys.exit(f"no more of {TOLD}")
            case _:
                answer = {"error": {"code": -32601, "message": "there is no such method"}}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)


if len(sys.argv) > 2:
    program(sys.argv[2])
else:
    server()
