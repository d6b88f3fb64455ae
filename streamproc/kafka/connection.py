"""How to reach Kafka: client options from plain values, and Kafka's errors as ours."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    IncompatibleBrokerVersion,
    InvalidTransactionTimeout,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)

from streamproc.errors import SetupError
from streamproc.settings.kafka import KafkaSettings
from streamproc.settings.secret import read_secret

__all__ = ["client_options", "connected", "member_options", "setup_errors", "transaction_errors"]

_CONNECT_SECONDS = 10.0
_POLL_SECONDS = 300.0
_LOG = logging.getLogger("aiokafka")
_SASL_REFUSALS = (SaslAuthenticationFailed, UnsupportedSaslMechanismError, IllegalSaslStateError)
_REFUSALS = (*_SASL_REFUSALS, ssl.SSLCertVerificationError)
_TOO_OLD = "streamproc needs a Kafka broker with transactions, which Apache Kafka has since 0.11"


def client_options(settings: KafkaSettings) -> Mapping[str, Any]:
    """The options every aiokafka client of ours takes.

    Raises:
        SetupError: a password or certificate file cannot be read.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "request_timeout_ms": int(settings.request_timeout_seconds * 1000),
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.startswith("SASL"):
        password = read_secret(settings.sasl_password, settings.sasl_password_file, "kafka.sasl_password")
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": password,
        }
    if settings.security_protocol.endswith("SSL"):
        try:
            options["ssl_context"] = ssl.create_default_context(cafile=settings.ssl_ca_file)
        except OSError as exc:
            raise SetupError(f"cannot read kafka.ssl_ca_file {settings.ssl_ca_file}: {exc}") from exc
    return options


async def connected(start: Awaitable[object]) -> None:
    """Waits for the start of a client of ours.

    aiokafka gives each broker the time of a whole request, which is long for an address where nobody answers.

    Raises:
        TimeoutError: it took longer than 10 seconds.
        SaslAuthenticationFailed: the broker refuses user or password, or another of `_REFUSALS`.
        KafkaError: no broker answers, or it refuses us.
    """
    heard = _Heard()
    _LOG.addHandler(heard)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await start
    except KafkaConnectionError as exc:
        if heard.refusal is None:
            raise
        raise heard.refusal from exc
    finally:
        _LOG.removeHandler(heard)


class _Heard(logging.Handler):
    """Keeps why a broker refused us: aiokafka says it in its log only, and raises that it could not connect."""

    def __init__(self) -> None:
        super().__init__()
        self.refusal: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for one in record.args if isinstance(record.args, tuple) else ():
            if isinstance(one, _REFUSALS):
                self.refusal = one


def member_options(settings: KafkaSettings, drain_seconds: float) -> dict[str, Any]:
    """What a member of the group is told beside them."""
    return {
        "group_id": settings.group,
        "group_instance_id": settings.instance_id,
        "session_timeout_ms": int(settings.session_timeout_seconds * 1000),
        "heartbeat_interval_ms": int(settings.heartbeat_interval_seconds * 1000),
        "rebalance_timeout_ms": int(settings.rebalance_timeout_seconds * 1000),
        # aiokafka leaves a group that it is not polled for, and a drain polls no more.
        "max_poll_interval_ms": int((_POLL_SECONDS + drain_seconds) * 1000),
    }


@contextmanager
def transaction_errors(transactional_id: str) -> Iterator[None]:
    """Tells the refusals that no waiting mends from those it may.

    Raises:
        SetupError: Kafka does not let us have transactions.
    """
    try:
        yield
    except TransactionalIdAuthorizationFailed as exc:
        raise SetupError(
            f"Kafka does not allow transactions under the id {transactional_id}: the worker's user needs the ACLs"
            " Write and Describe for transactional ids that begin with kafka.group and a slash"
        ) from exc
    except InvalidTransactionTimeout as exc:
        raise SetupError(
            "Kafka does not allow transactions as long as kafka.transaction_timeout_seconds (by default 60 % of"
            " session_timeout_seconds): lower it, or raise the broker's transaction.max.timeout.ms"
        ) from exc
    except (IncompatibleBrokerVersion, UnsupportedVersionError, NotImplementedError) as exc:
        raise SetupError(f"the broker cannot do transactions: {_TOO_OLD}") from exc


@contextmanager
def setup_errors(settings: KafkaSettings, doing: str) -> Iterator[None]:
    """Turns Kafka's errors at start-up into one sentence.

    Raises:
        SetupError: Kafka cannot be reached, or refuses us.
    """
    try:
        yield
    except _SASL_REFUSALS as exc:
        raise SetupError(
            f"Kafka at {settings.bootstrap_servers} refuses user {settings.sasl_username!r}"
            f" ({settings.security_protocol}, {settings.sasl_mechanism}): {_words(exc)}; check kafka.sasl_username,"
            " sasl_password and sasl_mechanism"
        ) from exc
    except ssl.SSLCertVerificationError as exc:
        raise SetupError(
            f"the certificate of Kafka at {settings.bootstrap_servers} is not trusted: {exc.verify_message};"
            " check kafka.ssl_ca_file, and that the address has the name in the certificate"
        ) from exc
    except (KafkaConnectionError, KafkaTimeoutError, OSError) as exc:
        raise SetupError(
            f"cannot reach Kafka at {settings.bootstrap_servers} ({doing}): check kafka.bootstrap_servers,"
            f" security_protocol ({settings.security_protocol}) and that a broker runs there"
        ) from exc
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError) as exc:
        raise SetupError(
            f"Kafka at {settings.bootstrap_servers} does not allow {doing}: {exc}; check the ACLs"
        ) from exc
    except (IncompatibleBrokerVersion, UnsupportedVersionError, NotImplementedError) as exc:
        raise SetupError(f"{settings.bootstrap_servers} cannot do what is needed for {doing}: {_TOO_OLD}") from exc
    except KafkaError as exc:
        raise SetupError(f"Kafka at {settings.bootstrap_servers} failed at {doing}: {exc}") from exc


def _words(exc: Any) -> str:
    """What the broker says, without number and class before it; where aiokafka keeps none, the code's own meaning."""
    said = next((part for part in exc.args if isinstance(part, str) and part), exc.description)
    return str(said).rstrip(".")
