"""Our few words of JSON Schema mean what they mean elsewhere: held against `jsonschema`."""

import jsonschema
import pytest

from unweave.core import schema

CASES = [
    ({"minLength": 2}, ["", "a", "ab", 1, []]),
    ({"minItems": 1}, [[], [1], "", 3]),
    ({"type": ["number", "null"], "maximum": 2.5}, [1, 2.5, 2.6, 3, 1e305, None, "text"]),
    ({"oneOf": [{"type": "integer"}, {"minimum": 3}]}, [1, 2.5, 3.5, 4, "text"]),
    ({"oneOf": [{"type": "string", "pattern": "^x"}, {"type": "null"}]}, ["x", "y", None, 1]),
    ({"additionalProperties": {"type": ["string", "null"]}}, [{}, {"a": "b"}, {"a": 1}, []]),
]


@pytest.mark.parametrize(("rules", "values"), CASES)
def test_agrees_with_jsonschema(rules, values):
    validator = jsonschema.Draft202012Validator(rules)
    found = [schema.fault(value, rules) is None for value in values]
    assert found == [validator.is_valid(value) for value in values]
    assert set(found) == {True, False}


def test_the_schema_of_reports_is_one():
    rules = schema.load("unweave.core", "report.schema.json")
    jsonschema.Draft202012Validator.check_schema(rules)
    assert schema.fault({}, rules)


def test_a_word_that_the_checker_does_not_know_is_not_passed_over():
    with pytest.raises(ValueError, match="multipleOf"):
        schema.fault(3, {"multipleOf": 2})
