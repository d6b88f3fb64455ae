"""Apache Kafka that knows its users: who is refused is told so, and by which settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import Said, run, sentence_of
from tests.servers.kafka import Broker
from tests.servers.network import wait_until
from tests.servers.process import ServerMissing

pytestmark = pytest.mark.kafka

_USERS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required"
    ' username="broker" password="own" user_broker="own" user_alice="right";'
)
_REQUEST = '{"request_id": "a", "model": "m", "messages": [{"role": "user", "content": "hello"}]}'


def _say(bootstrap: str, folder: Path, *arguments: str, **variables: str) -> Said:
    """A command of alice, with her right password unless another is given."""
    own = {
        "BOOTSTRAP_SERVERS": bootstrap,
        "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SASL_MECHANISM": "PLAIN",
        "SASL_USERNAME": "alice",
        "SASL_PASSWORD": "right",
        **variables,
    }
    named = {f"STREAMPROC_KAFKA__{name}": value for name, value in own.items()}
    return run(*arguments, folder=folder, stdin=_REQUEST, **named)


@pytest.fixture(scope="module")
def guarded(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a broker that lets in who names a password, by the mechanism PLAIN."""
    del kafka  # where it cannot be had, this one cannot either
    folder = tmp_path_factory.mktemp("guarded")
    overrides = {
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": _USERS,
    }
    try:
        broker = Broker(overrides)
    except ServerMissing as missing:
        pytest.skip(str(missing))
    try:
        broker.launch()
        wait_until(lambda: _say(broker.bootstrap, folder, "topics", "create").code == 0, broker.process, "Apache Kafka")
        yield broker.bootstrap
    finally:
        broker.close()


def test_the_right_password_lets_in(guarded: str, tmp_path: Path) -> None:
    """Every command, so a refusal is the password's."""
    assert _say(guarded, tmp_path, "topics", "check").code == 0
    assert _say(guarded, tmp_path, "submit", "-").code == 0


@pytest.mark.parametrize(
    "arguments", [("topics", "check"), ("submit", "-"), ("follow", "a/0/0@1"), ("offsets", "show")]
)
def test_a_wrong_password_is_told(guarded: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Who, how, what the broker said and what to check; it said that Kafka cannot be reached."""
    said = _say(guarded, tmp_path, *arguments, SASL_PASSWORD="wrong")
    assert sentence_of(said) == (
        f"Kafka at {guarded} refuses user 'alice' (SASL_PLAINTEXT, PLAIN): Authentication failed: Invalid username or"
        " password; check kafka.sasl_username, sasl_password and sasl_mechanism"
    )
    assert "wrong" not in said.err


def test_a_mechanism_that_is_not_offered_is_told(guarded: str, tmp_path: Path) -> None:
    """The password may be right."""
    said = _say(guarded, tmp_path, "topics", "check", SASL_MECHANISM="SCRAM-SHA-256")
    assert "(SASL_PLAINTEXT, SCRAM-SHA-256): The broker does not support the requested SASL mechanism;" in sentence_of(
        said
    )
