"""Validates a server's two documents against the schemas of OpenAPI 3.1 and AsyncAPI 3.0."""

import json
import sys
import urllib.request

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator


def fetch(address):
    with urllib.request.urlopen(address) as response:
        return json.load(response)


def main(site, asyncapi_schema):
    errors = list(OpenAPIV31SpecValidator(fetch(f"{site}/api/openapi.json")).iter_errors())
    with open(asyncapi_schema, encoding="utf-8") as file:
        schema = json.load(file)
    validator = jsonschema.validators.validator_for(schema)(schema)
    errors += validator.iter_errors(fetch(f"{site}/api/asyncapi.json"))
    for error in errors:
        where = "/".join(str(part) for part in getattr(error, "absolute_path", []))
        print(f"{where}: {getattr(error, 'message', error)}", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
