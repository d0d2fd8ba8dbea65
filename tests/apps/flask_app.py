"""The Flask service, run under gunicorn."""

import checks
from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/live")
def live():
    return jsonify(status="UP")


@app.get("/ready")
def ready():
    document, code = checks.readiness()
    return jsonify(document), code


@app.get("/health")
def health():
    document = checks.health()
    return jsonify(document), 200 if document["status"] == "UP" else 503


@app.get("/work")
def work():
    return jsonify(answer=checks.work())
