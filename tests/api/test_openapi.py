"""The document at /openapi.json, and what stands beside it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from api.app import create_app
from api.openapi import Problem
from api.shapes import In, Out
from careapp.config import Settings


def subclasses(cls: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


APP: FastAPI = create_app(Settings.read())
DOCUMENT: dict[str, Any] = APP.openapi()
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
SHAPES: list[type[BaseModel]] = sorted(
    {
        cls
        for base in (In, Out)
        for cls in subclasses(base)
        if cls.__module__.startswith("api.") and "[" not in cls.__name__
    },
    key=lambda cls: cls.__name__,
)


def examples_of(cls: type[BaseModel]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = cls.model_json_schema().get("examples", [])
    return shown


SHOWN: list[type[BaseModel]] = [*SHAPES, Problem]
EXAMPLES = [pytest.param(cls, example, id=cls.__name__) for cls in SHOWN for example in examples_of(cls)]


def schema_of(content: dict[str, Any]) -> dict[str, Any]:
    (media,) = content.values()
    schema: dict[str, Any] = media.get("schema", {})
    while "anyOf" in schema or "$ref" in schema:
        if "anyOf" in schema:  # a body that may be left out
            schema = schema["anyOf"][0]
        else:
            schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


class TestExamples:
    @pytest.mark.parametrize(("cls", "example"), EXAMPLES)
    def test_are_what_the_model_takes_and_gives(self, cls, example):
        shown = cls.model_validate(example).model_dump(mode="json", by_alias=True, exclude_unset=True)

        if issubclass(cls, In):  # moments that came in are shown in UTC from then on
            assert shown.keys() == example.keys()
        else:
            assert shown == example

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(operation["requestBody"], id=name)
            for name, operation in OPERATIONS
            if "requestBody" in operation and "/fhir" not in name
        ],
    )
    def test_stand_beside_every_body(self, body):
        assert schema_of(body["content"])["examples"]

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(answer, id=f"{name} {status}")
            for name, operation in OPERATIONS
            for status, answer in operation["responses"].items()
            if status in {"200", "201", "202"} and "/fhir" not in name and not name.endswith("/events")
        ],
    )
    def test_stand_beside_every_good_answer(self, answer):
        assert schema_of(answer["content"])["examples"]


class TestDocument:
    def test_lists_the_routes(self):
        assert len(OPERATIONS) >= 35

    @pytest.mark.parametrize(("name", "operation"), OPERATIONS)
    def test_sorts_and_explains_each_route(self, name, operation):
        known = {tag["name"] for tag in DOCUMENT["tags"]}

        assert set(operation["tags"]) <= known
        assert operation["tags"]
        assert operation["description"]

    @pytest.mark.parametrize(("name", "operation"), [each for each in OPERATIONS if "/fhir" not in each[0]])
    def test_tells_errors_as_problems(self, name, operation):
        errors = {s: a for s, a in operation["responses"].items() if s == "default" or s >= "400"}

        assert "default" in errors
        assert all(list(answer["content"]) == ["application/problem+json"] for answer in errors.values())
        assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]

    def test_refers_only_to_what_it_holds(self):
        references = set(re.findall(r"#/components/schemas/([^'\"]+)", str(DOCUMENT)))

        assert references <= set(DOCUMENT["components"]["schemas"])


class TestShapes:
    def test_that_are_answered_have_no_defaults(self):
        # A field with a default can be forgotten by the code that fills it.
        defaulted = [
            f"{cls.__name__}.{name}"
            for cls in SHAPES
            if issubclass(cls, Out)
            for name, field in cls.model_fields.items()
            if not field.is_required()
        ]

        assert defaulted == []


class TestPages:
    @pytest.mark.parametrize("path", ["/docs", "/redoc"])
    def test_that_load_scripts_from_elsewhere_are_not_served(self, sqlite_client, path):
        assert sqlite_client.get(path).status_code == 404

    def test_send_safe_headers(self, sqlite_client):
        response = sqlite_client.get("/openapi.json")

        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
