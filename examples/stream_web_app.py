"""A web application of your own with a model inside; run it with uvicorn or mount it in FastAPI.

    uvicorn stream_web_app:app

``growlabels stream serve`` does more: checkpoints, late labels, a page, metrics. This is for an
application that is there already. One lock is enough: predictions take a millisecond or less.
"""

import asyncio
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from growlabels.stream import IHOMER

FILE = Path("model.zip")
EVERY = 1000
"""Rows between two saved models."""


class Tagger:
    """A model, the lock that guards it, and the file that it is saved in."""

    def __init__(self, file: Path = FILE) -> None:
        self.file = file
        self.model = IHOMER.load(file) if file.exists() else IHOMER()
        self.lock = asyncio.Lock()

    async def predict(self, request: Request) -> JSONResponse:
        """Answer ``{"length": 3.0}`` with the labels of the row."""
        x = await request.json()
        async with self.lock:
            found = self.model.predict_one(x)
        return JSONResponse([label for label, there in found.items() if there])

    async def learn(self, request: Request) -> JSONResponse:
        """Learn ``{"x": {"length": 3.0}, "y": ["billing"]}``."""
        row = await request.json()
        async with self.lock:
            self.model.learn_one(row["x"], set(row["y"]))
            if self.model.n_rows % EVERY == 0:
                self.model.save(self.file)
        return JSONResponse({"learned": self.model.n_rows})


def application(tagger: Tagger) -> Starlette:
    """Return the application."""
    return Starlette(
        routes=[
            Route("/predict", tagger.predict, methods=["POST"]),
            Route("/learn", tagger.learn, methods=["POST"]),
        ]
    )


app = application(Tagger())
