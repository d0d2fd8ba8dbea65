"""A Flask service of the tutorial: python3 flask_app.py PORT"""

import switches
from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/ready")
def ready():
    fine = switches.ready()
    return jsonify(ready=fine), 200 if fine else 503


@app.get("/work")
def work():
    return jsonify(switches.work()), 200, switches.headers()


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=switches.PORT, threaded=True)
