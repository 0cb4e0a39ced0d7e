"""What `/openapi.json` says beyond what FastAPI reads off the routes."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field

from api.errors import PROBLEM


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    place: str = Field(alias="in", examples=["body"])
    pointer: str
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457). `type` is stable and meant for programs, `detail` for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:careapp:problem:invalid-request",
                    "title": "The request cannot succeed as it stands",
                    "status": 422,
                    "detail": "starts_at: has no time zone: add an offset such as +01:00 or Z",
                    "instance": "urn:careapp:request:0f6f1c1e7ab54e5f8d3d3a8a9be1c0de",
                    "errors": [
                        {
                            "in": "body",
                            "pointer": "#/starts_at",
                            "detail": "has no time zone: add an offset such as +01:00 or Z",
                        }
                    ],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] = Field(default_factory=list)


_ANY_PROBLEM = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route, as FastAPI's `responses` wants them."""
    return {
        status: {"description": HTTPStatus(status).phrase, "content": _ANY_PROBLEM} for status in statuses
    }


def describe(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return what makes the document, once: every route under `/api` may also answer a Problem."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            schemas = document["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            problem = Problem.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
            schemas |= problem.pop("$defs") | {"Problem": problem}
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _name_errors(operation, is_fhir=path.startswith("/fhir"))
            app.openapi_schema = document
        return app.openapi_schema

    return document


def _name_errors(operation: dict[str, Any], *, is_fhir: bool) -> None:
    answers = operation["responses"]
    validation = answers.pop("422", None)
    if is_fhir:
        return
    if validation is not None:
        answers["400"] = {"description": "The request is malformed", "content": _ANY_PROBLEM}
        if "requestBody" in operation:
            answers["422"] = {"description": "The body breaks a rule of its fields", "content": _ANY_PROBLEM}
            answers["415"] = {"description": "The body is not JSON", "content": _ANY_PROBLEM}
    answers["default"] = {"description": "Any other error", "content": _ANY_PROBLEM}
