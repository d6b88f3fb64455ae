from pathlib import Path

from streamproc.settings.load import load_settings

ROOT = Path(__file__).parents[2]


def test_the_example_settings_are_valid_and_fit_the_compose_file() -> None:
    """The worker of the compose file gets settings that it accepts, with addresses that the file has."""
    settings = load_settings(ROOT / "deploy/streamproc.toml")
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert f"SERVICES://{settings.kafka.bootstrap_servers}" in compose
    assert settings.providers["mock"].base_url == "http://mock:8089/v1"
    assert '"mock-provider", "--host", "0.0.0.0", "--port", "8089"' in compose
    assert settings.observe.metrics_host == "0.0.0.0"
    assert f"127.0.0.1:{settings.observe.metrics_port}:{settings.observe.metrics_port}" in compose
    assert f":{settings.observe.metrics_port}/readyz" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_image_has_what_settings_can_ask_for() -> None:
    """A bill in PostgreSQL and a ledger or a cache in Redis once ended the container with the name of an extra."""
    assert "[uvloop,postgres,redis]" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
