"""A FastAPI service of the tutorial: python3 fastapi_app.py PORT"""

import switches
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()


@app.get("/ready")
def ready():
    fine = switches.ready()
    return JSONResponse({"ready": fine}, status_code=200 if fine else 503)


@app.get("/work")
def work():
    return JSONResponse(switches.work(), headers=switches.headers())


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=switches.PORT)
