"""The requests that come with the package."""

from collections import Counter

import pytest

from streamproc.demo.load import bundled_requests
from streamproc.demo.settings import read_settings, settings_text
from streamproc.errors import InvalidRequest
from streamproc.records.codec import RequestDecoder

_DECODER = RequestDecoder(max_bytes=10_000, max_messages=10, max_output_tokens=1000)


def test_there_are_200_and_two_of_them_are_no_requests() -> None:
    """An unknown field and broken JSON; everything else is valid, has its own text and a model of the settings."""
    requests = bundled_requests()
    assert len(requests) == 200
    assert len({request.request_id for request in requests}) == 200
    refused = Counter[str]()
    prompts, models, tenants, features = set(), set(), set(), set()
    for request in requests:
        try:
            decoded = _DECODER.decode(request.value)
        except InvalidRequest as error:
            refused[error.code] += 1
            continue
        assert decoded.request_id == request.request_id
        prompts.add(request.prompt)
        models.add(decoded.model)
        tenants.add(decoded.tenant)
        features.add(decoded.feature)
    assert refused == {"unknown_field": 1, "not_json": 1}
    assert len(prompts) == 198
    assert min(map(len, prompts)) > 20
    assert models == set(read_settings(settings_text("b", "http://p")).providers["mock"].models)
    assert len(tenants) == 4
    assert features == {"support", "summary", "translate", "code", "extract", "classify"}


def test_the_settings_take_nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names a real cluster, or a real provider, must not send 200 requests there."""
    monkeypatch.setenv("STREAMPROC_KAFKA__BOOTSTRAP_SERVERS", "production:9092")
    monkeypatch.setenv("STREAMPROC_PROVIDERS__OPENAI__MODELS", '["gpt"]')
    settings = read_settings(settings_text("127.0.0.1:1", "http://127.0.0.1:2/v1"))
    assert settings.kafka.bootstrap_servers == "127.0.0.1:1"
    assert settings.providers.keys() == {"mock"}
    assert settings.providers["mock"].prices.keys() == set(settings.providers["mock"].models)
