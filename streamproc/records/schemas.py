"""JSON Schemas of the records, written from the models: `python -m streamproc.records.schemas [--check] [folder]`.

A request schema accepts what the decoder accepts, except for what JSON Schema cannot say or the settings decide: valid
UTF-8 without lone surrogates; nesting up to about 200 levels; numbers in objects of free shape are finite, integers
there have at most 64 bits; `json_schema` goes with its `type` only; the bytes of a data URL are an image of
its kind; at most 100 images in a request; sizes and counts under `[limits]`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path

from pydantic.json_schema import JsonSchemaValue

from streamproc.records.admin import WORDS
from streamproc.records.alert import ALERTS
from streamproc.records.batch_line import BATCH_LINE, request_adapter
from streamproc.records.chunk import Chunk
from streamproc.records.control import Cancel
from streamproc.records.dead_letter import HEADER_PREFIX, DeadLetter, Reference
from streamproc.records.deferral import Deferral
from streamproc.records.notes import NOTES
from streamproc.records.result import Result
from streamproc.records.usage import USAGE_LINE

__all__ = ["main", "render", "schemas"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, JsonSchemaValue]:
    """The schema of each kind of record, by the name of its file."""
    found = {
        "request": ("Request", request_adapter().json_schema()),
        "batch-line": ("Batch line", BATCH_LINE.json_schema()),
        "chunk": ("Chunk", Chunk.model_json_schema()),
        "result": ("Result", Result.model_json_schema()),
        "usage": ("Usage line", USAGE_LINE.json_schema()),
        "journal": ("Journal note", NOTES.json_schema()),
        "deferral": ("Deferral", Deferral.model_json_schema()),
        "dead-letter": ("Dead letter", _dead_letter()),
        "control": ("Control record", Cancel.model_json_schema()),
        "admin": ("Admin record", WORDS.json_schema()),
        "alert": ("Alert", ALERTS.json_schema()),
    }
    return {
        f"{name}.json": {**schema, "$schema": _DIALECT, "$id": f"streamproc:{name}.v1", "title": title}
        for name, (title, schema) in found.items()
    }


def _dead_letter() -> JsonSchemaValue:
    # Headers are bytes; this tells their content as text. The value is the original's own, or a reference to it.
    headers = {f"{HEADER_PREFIX}{name}": {"type": "string"} for name in DeadLetter.model_fields}
    return {
        "description": "Headers of a dead letter as text, and its value when dlq.by_reference is true.",
        "type": "object",
        "properties": {
            "headers": {
                "description": cleandoc(DeadLetter.__doc__ or ""),
                "type": "object",
                "properties": headers,
                "required": list(headers),
            },
            "reference": Reference.model_json_schema(),
        },
        "required": ["headers"],
    }


def render(schema: JsonSchemaValue) -> str:
    """The text of a schema's file: the same for the same records, whatever the order of their fields."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Writes the files, or with `--check` says which are stale: exit code 1 then."""
    parser = argparse.ArgumentParser(prog="python -m streamproc.records.schemas", description="Write the JSON Schemas.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file is stale")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("schemas"), help="default: ./schemas")
    asked = parser.parse_args(arguments)
    wanted = {asked.folder / name: render(schema) for name, schema in schemas().items()}
    stale = [path for path, text in wanted.items() if _text_of(path) != text]
    if asked.check:
        if stale:
            names = ", ".join(str(path) for path in stale)
            sys.stderr.write(f"stale schemas: {names}; write them anew with `make schemas`\n")
        return 1 if stale else 0
    asked.folder.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
