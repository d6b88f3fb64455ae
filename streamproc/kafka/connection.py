"""How to reach Kafka: client options from plain values, and Kafka's errors as ours."""

import asyncio
import ssl
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidTransactionTimeout,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedVersionError,
)

from streamproc.errors import SetupError
from streamproc.settings import KafkaSettings, read_secret

__all__ = ["client_options", "connected", "setup_errors", "transaction_errors"]

_CONNECT_SECONDS = 10.0
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
        KafkaError: no broker answers, or it refuses us.
    """
    async with asyncio.timeout(_CONNECT_SECONDS):
        await start


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
