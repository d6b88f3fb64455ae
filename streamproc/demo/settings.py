"""The demo's settings: one text, read by the demo itself and, with `--keep`, by commands in a second terminal."""

import tomllib

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from streamproc.settings.settings import Settings

__all__ = ["MODELS", "DemoSettings", "read_settings", "settings_text"]

MODELS = (
    ("mock-t60-i8-f60", "0.15", "0.60"),
    ("mock-t100-i12-f120", "1.25", "5.00"),
    ("mock-t160-i16-f250", "3.00", "15.00"),
    ("mock-t100-i12-f120-cutonce35", "1.25", "5.00"),
    ("mock-t60-i8-f60-eonce429", "0.15", "0.60"),
    ("mock-e400", "0.15", "0.60"),
)
"""Model, US dollars per million input tokens, per million output tokens. The names steer the mock provider."""

_TEXT = """\
# Settings of a running `streamproc demo`. They end with it.

[kafka]
bootstrap_servers = "{bootstrap}"
start_without_offset = "earliest" # requests may come before the worker

[topics]
partitions = 4

[worker]
max_running = 48 # few, so that the rest is seen waiting in Kafka

[observe]
metrics_port = 0

[providers.mock]
base_url = "{base_url}"
models = [{models}]
{prices}
"""


class DemoSettings(Settings):
    """Settings that no variable reaches: one that names a real cluster or provider must not send the demo there."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 the signature is pydantic-settings' own
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given."""
        del env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def settings_text(bootstrap: str, base_url: str) -> str:
    """The settings as a TOML file: where the broker and the mock provider listen, models and made-up prices."""
    prices = (
        f'prices."{name}" = {{ input_usd = {input_usd}, output_usd = {output_usd} }}'
        for name, input_usd, output_usd in MODELS
    )
    models = ", ".join(f'"{name}"' for name, _, _ in MODELS)
    return _TEXT.format(bootstrap=bootstrap, base_url=base_url, models=models, prices="\n".join(prices))


def read_settings(text: str) -> Settings:
    """The settings in a text of `settings_text`."""
    return DemoSettings(**tomllib.loads(text))
