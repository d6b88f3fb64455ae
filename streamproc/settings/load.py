"""Reads the settings: the file, and the environment over it."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamproc.errors import SetupError
from streamproc.settings.secret import SECRETS
from streamproc.settings.settings import PREFIX, Settings

__all__ = ["load_settings"]


def load_settings(path: Path | None) -> Settings:
    """Reads the TOML file, if there is one, and the environment over it.

    Raises:
        SetupError: the file cannot be read, or a setting is wrong; the message names each place.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as exc:
            raise SetupError(f"cannot read the settings file {path}: {exc.strerror or exc}") from exc
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
            raise SetupError(f"{path} is not valid TOML: {exc}") from exc
        _refuse_secrets(values, path, "")
    _refuse_unknown_variables()
    try:
        return Settings(**values)
    except ValidationError as exc:
        places = "; ".join(
            # A relation between settings names them itself.
            ": ".join(filter(None, (".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, "))))
            for error in exc.errors()
        )
        raise SetupError(f"wrong settings in {path or 'the environment'}: {places}") from exc
    except ValueError as exc:  # pydantic-settings, for a variable that is no JSON where JSON is needed
        raise SetupError(f"wrong settings in the environment: {exc}") from exc


def _refuse_unknown_variables() -> None:
    # pydantic-settings passes over variables whose first word is no setting, so a slip of the pen would go unseen.
    known = {name.upper() for name in Settings.model_fields} | {"CONFIG"}
    for name in os.environ:
        word = name.removeprefix(PREFIX).upper().split("__")[0]
        if name.startswith(PREFIX) and word not in known and not word.startswith(("TEST_", "REQUIRE_")):
            raise SetupError(f"the variable {name} names no setting; `streamproc config show` lists them all")


def _refuse_secrets(values: dict[str, Any], path: Path, place: str) -> None:
    for name, value in values.items():
        if name in SECRETS and value is not None:
            variable = f"STREAMPROC_{(place + name).replace('.', '__').upper()}"
            raise SetupError(
                f"{path}: {place}{name} is a secret and does not belong into the file;"
                f" set {variable} or {place}{name}_file"
            )
        if isinstance(value, dict):
            _refuse_secrets(value, path, f"{place}{name}.")
