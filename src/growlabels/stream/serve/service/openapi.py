"""The description of the service's addresses in the format of OpenAPI."""

from typing import Any


def openapi(version: str) -> dict[str, Any]:
    """Return the description, for a version of the package."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "growlabels stream serve",
            "version": version,
            "description": "Predict and learn the labels of rows while their labels change.",
        },
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
        "paths": {
            "/predict": _post(
                "Predict one row or a list of rows",
                _one_or_many("Row"),
                "200",
                "The labels, in the order of the rows",
                _one_or_many("Prediction"),
                [{"name": "top", "in": "query", "schema": {"type": "integer", "default": 0}}],
            ),
            "/learn": _post(
                "Learn rows, or give the labels of rows that came before by their id",
                _one_or_many("Row"),
                "202",
                "The rows are on the disk and will be learned in their order",
                {"$ref": "#/components/schemas/Accepted"},
            ),
            "/model": _get("Labels, clusters, events and scores of the model"),
            "/metrics": _get("Figures for Prometheus", "text/plain"),
            "/healthz": _get("Whether all is well"),
            "/openapi.json": _get("This description"),
        },
    }


def _schemas() -> dict[str, Any]:
    labels = {
        "oneOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": ["boolean", "null"]}},
            {"type": "null"},
        ],
        "description": "The true labels; null or absent: not known yet",
    }
    name = {"type": ["string", "integer"]}
    features = {"type": "object", "additionalProperties": True}
    return {
        "Row": {
            "type": "object",
            "properties": {"id": name, "x": features, "y": labels},
            "description": "A model that knows columns of text takes them beside id and y too",
        },
        "Prediction": {
            "type": "object",
            "required": ["labels", "learned"],
            "properties": {
                "id": name,
                "labels": {"type": "array", "items": {"type": "string"}},
                "learned": {"type": "integer", "description": "Rows learned before"},
                "top": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "label": {"type": "string"},
                            "probability": {"type": "number"},
                        },
                    },
                },
            },
        },
        "Accepted": {
            "type": "object",
            "properties": {"accepted": {"type": "integer"}, "position": {"type": "object"}},
        },
        "Error": {"type": "object", "properties": {"error": {"type": "string"}}},
    }


def _one_or_many(name: str) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{name}"}
    return {"oneOf": [one, {"type": "array", "items": one}]}


def _post(
    summary: str,
    body: dict[str, Any],
    status: str,
    meaning: str,
    answer: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = {
        "403": "No token, or another Host or Origin",
        "413": "The body is too large",
        "422": "A row is wrong; none of the rows was used",
        "503": "Too many rows wait to be learned",
    }
    return {
        "post": {
            "summary": summary,
            "parameters": parameters or [],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {
                status: {
                    "description": meaning,
                    "content": {"application/json": {"schema": answer}},
                },
                **{code: {"description": why, "content": error} for code, why in refusals.items()},
            },
        }
    }


def _get(summary: str, kind: str = "application/json") -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "responses": {"200": {"description": "", "content": {kind: {}}}},
        }
    }
