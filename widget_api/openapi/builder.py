"""Build the OpenAPI 3.1 document from the list of operations and the models they refer to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from widget_api.openapi.answers import Error, GeoReportError
from widget_api.openapi.operations import JSON, OPERATIONS, Operation, Schema
from widget_api.validation import Query

_REF = "#/components/schemas/{model}"
_IN_PATH: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "key": ("The site's public key.", {"type": "string", "pattern": "^wk_[A-Za-z0-9_-]+$", "maxLength": 64}),
    "slug": ("The collection's.", {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "maxLength": 64}),
    "number": ("The problem's number.", {"type": "integer", "minimum": 1, "maximum": 2147483647}),
    "format": ("`json` or `xml`.", {"type": "string", "pattern": "^(json|xml)$"}),
    "code": ("A `service_code`.", {"type": "string"}),
    "id": ("The problem's number.", {"type": "string", "pattern": "^[0-9]{1,10}$"}),
}
_REFUSALS = {
    400: "Cannot be read, or a parameter is wrong.",
    401: "No token, or not a good one.",
    403: "Not allowed: the origin, the ticket.",
    404: "No such site or problem.",
    405: "Not a method of this address.",
    409: "In another state by now.",
    413: "Too large.",
    415: "Not the type that is taken.",
    422: "Fields are wrong; all of them at once.",
    429: "Too many; `Retry-After` says when.",
    503: "A part the service needs does not answer; try later.",
}
_TAGS = {
    "sites": "What a site is, and where.",
    "reading": "What is published: open to every page, cacheable.",
    "writing": "What residents send: from the site's origins, with a ticket.",
    "platform": "What platforms and the service tell each other.",
    "georeport": "GeoReport v2 (Open311) with FixMyStreet's updates, as JSON and as XML. The JSON is described"
    " here, the rest at /docs/api.",
    "service": "The service itself.",
}
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of scope `platform`."},
    "api_key": {
        "type": "apiKey",
        "in": "query",
        "name": "api_key",
        "description": "A token of scope `georeport` or `platform`; in a form as well.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks 1.0, beside `webhook-id` and `webhook-timestamp`.",
    },
}


class _Generator(GenerateJsonSchema):
    """A generator without titles and without defaults, which stand for absent values here."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        generated = super().model_schema(schema)
        generated.pop("title", None)
        if "description" in generated:
            generated["description"] = " ".join(generated["description"].split())
        return generated

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        generated = super().dict_schema(schema)
        return {name: value for name, value in generated.items() if (name, value) != ("additionalProperties", True)}

    def tuple_schema(self, schema: core_schema.TupleSchema) -> JsonSchemaValue:
        """Return the schema of a tuple of numbers."""
        generated = super().tuple_schema(schema)
        return generated | {"items": generated.pop("prefixItems")[0]}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str) and "enum" not in inner:
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}


def document(public_url: str) -> dict[str, Any]:
    """Build the document with the service's own address."""
    schemas = _Schemas()
    parameters = _Parameters()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, schemas, parameters)
    parameters.share()
    error, georeport = schemas.of(Error), schemas.of(list[GeoReportError])
    refusals = {
        f"E{status}": {"description": description, "content": {"application/problem+json": {"schema": error}}}
        for status, description in _REFUSALS.items()
    }
    refusals["E429"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    refusals["GeoReportError"] = {
        "description": "400 wrong parameters, 403 a missing or wrong key or somebody else's request, 404 no such thing,"
        " 429 too many.",
        "content": {JSON: {"schema": georeport}, "text/xml": {}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "iGrajdanin widget",
            "version": "1",
            "license": {"name": "MIT", "identifier": "MIT"},
            "contact": {"name": "The operator of the service", "url": public_url},
            "description": "Reports of residents, and what became of them. Explained with examples at /docs/api."
            " Null is the same as absent; times are RFC 3339 in UTC.",
        },
        "servers": [{"url": public_url}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "parameters": parameters.components,
            "responses": refusals,
            "securitySchemes": _SECURITY,
        },
    }


class _Schemas:
    """The schemas of models. Nested models become components named after their classes."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def of(self, kind: Schema | Any) -> Mapping[str, Any]:
        if isinstance(kind, Mapping):
            return kind
        schema = TypeAdapter(kind).json_schema(ref_template=_REF, schema_generator=_Generator)
        named = schema.pop("$defs", {})
        model = isinstance(kind, type) and issubclass(kind, BaseModel)
        if model and schema != {"type": "object", "properties": {}}:
            named[kind.__name__] = schema
        for name, component in named.items():
            assert self.components.setdefault(name, component) == component, f"two models are called {name}"
        if model:
            return {"$ref": _REF.format(model=kind.__name__)}
        return schema

    def content(self, kinds: Mapping[str, Schema | None]) -> dict[str, Any]:
        return {media: {} if kind is None else {"schema": self.of(kind)} for media, kind in kinds.items()}


class _Parameters:
    """The parameters of queries and paths. Those that several operations share become components."""

    def __init__(self) -> None:
        self.lists: list[list[dict[str, Any]]] = []
        self.components: dict[str, Any] = {}

    def of(self, operation: Operation) -> list[dict[str, Any]]:
        parameters = [*self._in_path(operation.path), *map(dict, operation.headers), *self._in_query(operation.query)]
        self.lists.append(parameters)
        return parameters

    def share(self) -> None:
        """Replace each repeated parameter by a reference to a component."""
        counts = Counter(orjson.dumps(parameter) for parameters in self.lists for parameter in parameters)
        for parameters in self.lists:
            for index, parameter in enumerate(parameters):
                name = parameter["name"].replace("-", "")
                if counts[orjson.dumps(parameter)] > 1 and self.components.setdefault(name, parameter) == parameter:
                    parameters[index] = {"$ref": f"#/components/parameters/{name}"}

    def _in_path(self, path: str) -> Iterator[dict[str, Any]]:
        for name in re.findall(r"\{(\w+)\}", path):
            description, schema = _IN_PATH[name]
            example = {"example": "json"} if name == "format" else {}
            yield {"name": name, "in": "path", "required": True, "description": description, "schema": schema} | example

    def _in_query(self, query: type[Query] | None) -> Iterator[dict[str, Any]]:
        generated = TypeAdapter(query).json_schema(schema_generator=_Generator) if query else {"properties": {}}
        for name, schema in generated["properties"].items():
            texts = {"description": schema.pop("description")} if "description" in schema else {}
            texts |= {"example": schema.pop("examples")[0]} if "examples" in schema else {}
            required = name in generated.get("required", ())
            yield {"name": name, "in": "query", "required": required, **texts, "schema": schema}


def _operation(operation: Operation, schemas: _Schemas, parameters: _Parameters) -> dict[str, Any]:
    status, description, kinds = operation.answer
    answer: dict[str, Any] = {"description": description, "content": schemas.content(kinds)}
    if operation.tagged:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    if operation.links:
        answer["links"] = operation.links
    responses = {str(status): answer} | {
        code: {"description": description} for code, description in (operation.more or {}).items()
    }
    if operation.tagged:
        responses[str(HTTPStatus.NOT_MODIFIED.value)] = {"description": "As you have it."}
    for refusal in operation.refusals:
        name = f"E{refusal}" if isinstance(refusal, int) else "GeoReportError"
        responses[str(refusal)] = {"$ref": f"#/components/responses/{name}"}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.id,
        "description": operation.description,
        "security": list(operation.security),
        "tags": [operation.tag],
        "responses": responses,
    }
    if in_parameters := parameters.of(operation):
        described["parameters"] = in_parameters
    if operation.body:
        described["requestBody"] = {"required": True, "content": schemas.content(operation.body)}
    return described
