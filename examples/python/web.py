"""A small web app: it says which release answered, and logs a line per request."""

import logging
import os
import sys
import time

from flask import Flask, g, jsonify, request

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
app = Flask(__name__)


@app.before_request
def begin():
    g.start = time.monotonic()


@app.after_request
def log(response):
    took = int((time.monotonic() - g.start) * 1000)
    app.logger.info("%s %s status=%d took=%dms request_id=%s", request.method, request.path, response.status_code, took, request.headers.get("X-Request-Id", ""))
    return response


@app.get("/")
def hello():
    release, dyno = os.environ.get("HEROKU_RELEASE_VERSION", "v0"), os.environ.get("DYNO", "local")
    return f"Hello from Python, release {release}, dyno {dyno}\n", {"Content-Type": "text/plain; charset=utf-8"}


@app.get("/env.json")
def env():
    names = ("HEROKU_APP_NAME", "HEROKU_RELEASE_VERSION", "HEROKU_PRIVATE_IP", "DYNO", "GREETING")
    return jsonify({name: os.environ.get(name, "") for name in names})
