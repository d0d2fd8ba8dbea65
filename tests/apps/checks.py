"""What the three services share: the real checks of a real PostgreSQL and a real Redis, and the health documents made of them.

As the guide to health endpoints has it: liveness asks nothing, readiness asks what the service cannot work without, and `/health`
says it component by component.
"""

import os
from datetime import datetime, timezone

import psycopg
import redis

# redis-py retries with backoff by default, so a dead Redis makes the check slow as well as failing. That is left as it is: it is
# what services in the field do.
_redis = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, socket_connect_timeout=2)


def check_database():
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
        connection.execute("SELECT 1").fetchone()


def check_redis():
    _redis.ping()


def component(check):
    try:
        check()
        return {"status": "UP", "message": "ok"}
    except Exception as error:  # whatever it is, the component is down
        return {"status": "DOWN", "message": type(error).__name__}


def health():
    components = {"database": component(check_database), "redis": component(check_redis)}
    status = "UP" if all(c["status"] == "UP" for c in components.values()) else "DOWN"
    return {"status": status, "timestamp": datetime.now(timezone.utc).isoformat(), "components": components}


def readiness():
    """The document and its status code. Where the health file is written, the service says with a 200 what the file holds."""
    document = health()
    try:
        with open(os.environ["HEALTH_FILE"], encoding="utf-8") as file:
            said = file.read().strip()
    except FileNotFoundError:
        return document, 200 if document["status"] == "UP" else 503
    document["components"]["cache"] = {"status": said, "message": "says the test"}
    return {**document, "status": said}, 200


def work():
    """A request of the service's real work: one query, one counter."""
    if os.path.exists(os.environ["FAULT_FILE"]):
        raise RuntimeError("a real exception")
    _redis.incr("work")
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
        return connection.execute("SELECT 42").fetchone()[0]
