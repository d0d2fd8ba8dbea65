"""Do Grafana's own types read the dashboard on stdin, all of it? What they do not know, they lose, and Grafana would ignore it."""

import json
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(written, read, place=""):
    if isinstance(written, dict):
        for key, value in written.items():
            if not isinstance(read, dict) or key not in read:
                yield f"{place}.{key}: no such field"
            else:
                yield from differences(value, read[key], f"{place}.{key}")
    elif isinstance(written, list):
        if len(written) != len(read):
            yield f"{place}: {len(written)} entries were written, {len(read)} were read"
        for index, (one, other) in enumerate(zip(written, read)):
            yield from differences(one, other, f"{place}[{index}]")
    elif written != read:
        yield f"{place}: {written!r} was read as {read!r}"


plugins.register_default_plugins()
dashboard = json.load(sys.stdin)
lost = list(differences(dashboard, json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))))
sys.exit("\n".join(lost) or 0)
