"""The image of a message: an address the provider fetches, or the image itself as a data URL."""

import re
from binascii import a2b_base64
from typing import Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema

from streamproc.records.shapes import Strict

__all__ = ["Detail", "Image", "data_of"]

Detail = Literal["auto", "low", "high"]
"""How closely the model looks at an image; where the provider knows the option, it decides about the tokens."""

_BEGINNINGS = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
_HEAD_CHARACTERS = 16  # of base64: twelve bytes, as many as the longest beginning has


_ADDRESS = re.compile(r"^(https://[!-~]{1,2040}|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]{16,}={0,2})$")


def _checked(url: str) -> str:
    if not _ADDRESS.fullmatch(url):
        raise ValueError(
            "must be an https address of at most 2048 characters, or a data URL with a png, jpeg, gif or webp in base64"
        )
    found = data_of(url)
    if found is None:
        return url
    kind, data = found
    if len(data) % 4:
        raise ValueError("is cut: the length of base64 is a multiple of four")
    if not _BEGINNINGS[kind].match(a2b_base64(data[:_HEAD_CHARACTERS])):
        raise ValueError(f"holds bytes that are no image/{kind}")
    return url


ImageAddress = Annotated[str, AfterValidator(_checked), WithJsonSchema({"type": "string", "pattern": _ADDRESS.pattern})]


class Image(Strict):
    """An image. The worker never fetches its address: whoever answers the request does, or refuses it."""

    url: ImageAddress
    detail: Detail | None = None


def data_of(url: str) -> tuple[str, str] | None:
    """Kind and base64 of a data URL; None for an address."""
    if not url.startswith("data:image/"):
        return None
    head, _, data = url.partition(";base64,")
    return head.removeprefix("data:image/"), data
