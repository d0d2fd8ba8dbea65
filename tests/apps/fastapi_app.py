"""The FastAPI service, run under uvicorn."""

import checks
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()


@app.get("/live")
def live():
    return {"status": "UP"}


@app.get("/ready")
def ready():
    document, code = checks.readiness()
    return JSONResponse(document, status_code=code)


@app.get("/health")
def health():
    document = checks.health()
    return JSONResponse(document, status_code=200 if document["status"] == "UP" else 503)


@app.get("/work")
def work():
    return {"answer": checks.work()}
