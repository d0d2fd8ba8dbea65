"""How the three examples are told to misbehave: by a file named after their port in the current folder.

`touch 9001.not-ready` makes the service on port 9001 say 503 on /ready, `9001.failing` makes its work fail while /ready still says
200, and `9001.draining` makes it ask for no more traffic. Removing the file ends it.
"""

import os
import sys

PORT = int(sys.argv[1])


def on(name):
    return os.path.exists(f"{PORT}.{name}")


def ready():
    """What a real service asks here: can I reach my database, my cache, whatever I cannot work without?"""
    return not on("not-ready") and not on("draining")


def work():
    if on("failing"):
        raise RuntimeError("an exception in the service")
    return {"answered_by": PORT}


def headers():
    return {"X-Drain": "yes"} if on("draining") else {}
