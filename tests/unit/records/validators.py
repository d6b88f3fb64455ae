"""The schemas of the records, to check values by. They are made when a test asks: all processes of a run read its files."""

import functools

import jsonschema_rs

from streamproc.records.schemas import schemas

__all__ = ["validator"]

_made = functools.cache(schemas)


@functools.cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """For the schema of this file of `schemas/`, as the models say it now."""
    return jsonschema_rs.Draft202012Validator(_made()[name], validate_formats=True)
