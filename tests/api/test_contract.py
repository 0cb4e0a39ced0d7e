"""Whatever is sent to `/api`, the answer is one that `/openapi.json` tells, and never a 500."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.app import create_app
from careapp.config import Settings

HERE = {"host": "127.0.0.1"}
DOCUMENT = create_app(Settings.read()).openapi()
OPERATIONS = [
    pytest.param(path, method, mode, id=f"{mode.name.lower()} {method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if path.startswith(("/api/", "/health/")) and not path.endswith("/events")
    # Without parameters and body there is nothing to send wrongly.
    if mode is GenerationMode.POSITIVE or "parameters" in operation or "requestBody" in operation
]


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_each_operation_keeps_its_contract(sqlite_client, path, method, mode):
    schema = schemathesis.openapi.from_asgi("/openapi.json", sqlite_client.app, headers=HERE)
    operation = schema[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def keeps_it(case: schemathesis.Case[Any]) -> None:
        # A schema cannot say all that a request must be, e.g. that a day lies between 1900 and 2199.
        case.call_and_validate(headers=HERE, excluded_checks=[positive_data_acceptance])

    keeps_it()
