"""The keys of a provider: from variables or files, alone or several, and what is wrong with one."""

from pathlib import Path
from typing import Any

import pytest

from streamproc.errors import SetupError
from streamproc.providers.api_keys import api_keys
from streamproc.settings.provider import ProviderSettings

SECRET = "sk-made-up"


def keys(**fields: Any) -> dict[str, str | None]:
    """The keys of provider `p` with these settings."""
    return api_keys("p", ProviderSettings.model_validate({"models": ["m"], **fields}))


def test_without_any() -> None:
    """The server asks for none."""
    assert keys() == {"main": None}


def test_one_and_more(tmp_path: Path) -> None:
    """The key beside the others is called main; without it there are only the others. White space is no part of a key."""
    (tmp_path / "key").write_text(f"  {SECRET}-2\n")
    more = {"two": {"api_key_file": tmp_path / "key"}, "three": {"api_key": f" {SECRET}-3 "}}
    assert keys(api_key=SECRET, credentials=more) == {"main": SECRET, "two": f"{SECRET}-2", "three": f"{SECRET}-3"}
    assert keys(credentials=more) == {"two": f"{SECRET}-2", "three": f"{SECRET}-3"}


def test_a_variable_goes_before_a_file(tmp_path: Path) -> None:
    """The file is not even read."""
    assert keys(api_key=SECRET, api_key_file=tmp_path / "none") == {"main": SECRET}


def test_a_credential_without_a_key() -> None:
    """The sentence names the variable that is missing."""
    with pytest.raises(SetupError, match="STREAMPROC_PROVIDERS__P__CREDENTIALS__TWO__API_KEY or its api_key_file"):
        keys(api_key=SECRET, credentials={"two": {}})


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (f"{SECRET}\nx", "characters that no header can carry"),
        (f"{SECRET} x", "characters that no header can carry"),
        (f"{SECRET}é", "characters that no header can carry"),
        (f"{SECRET}\0", "characters that no header can carry"),
        (" ", "is empty"),
    ],
)
@pytest.mark.parametrize("place", ["api_key", "credentials.two.api_key"])
@pytest.mark.parametrize("in_a_file", [False, True])
def test_a_key_that_is_none(tmp_path: Path, key: str, says: str, place: str, in_a_file: bool) -> None:
    """One sentence with the setting's name, and the key is not in it."""
    own: dict[str, Any] = {"api_key": key}
    if in_a_file:
        (tmp_path / "key").write_text(key, encoding="utf-8")
        own = {"api_key_file": tmp_path / "key"}
    with pytest.raises(SetupError, match=says) as refused:
        keys(**(own if place == "api_key" else {"credentials": {"two": own}}))
    assert f"providers.p.{place}" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("content", "says"), [(b"\xff" + SECRET.encode(), "holds no text"), (None, "cannot read")])
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None, says: str) -> None:
    """Nor is what stands in it."""
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(SetupError, match=says) as refused:
        keys(api_key_file=tmp_path / "key")
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None or SECRET not in repr(refused.value.__cause__)
