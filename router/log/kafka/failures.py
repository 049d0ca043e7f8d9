"""Kafka's errors in our own words, and why a cluster cannot be reached."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka import errors
from aiokafka.conn import create_conn

from router.errors import ConfigError, LogweirError, Misconfigured, Problem, Retryable

_FOREVER = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.SaslAuthenticationFailed,
    errors.AuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.InvalidTopicError,
    errors.InvalidTimestampError,
    errors.OffsetMetadataTooLargeError,
    errors.InvalidSessionTimeoutError,
    errors.PolicyViolationError,
)
_REMEDIES = (
    (errors.TopicAuthorizationFailedError, "grant this user READ, WRITE and DESCRIBE on the topic"),
    (errors.GroupAuthorizationFailedError, "grant this user READ on the group"),
    (errors.ClusterAuthorizationFailedError, "grant this user WRITE on its topics, and CREATE if topics are missing"),
    (errors.InvalidTimestampError, "the clocks of this machine and the broker differ; correct them"),
)
_PROBE_SECONDS = 5.0


def explain(doing: str, error: BaseException) -> LogweirError:
    """What to raise instead: Misconfigured for what only a person can change, Retryable for the rest."""
    text = f"kafka: {doing}: {type(error).__name__}" + (f" ({error})" if str(error) else "")
    if isinstance(error, _FOREVER):
        remedy = next((r for kind, r in _REMEDIES if isinstance(error, kind)), "")
        return Misconfigured(f"{text}; {remedy}" if remedy else text)
    return Retryable(text)


async def explain_bootstrap(connection: Mapping[str, Any]) -> LogweirError:
    """Ask each broker by itself why it does not answer; the client library keeps that to its log.

    ConfigError when at least one of them refuses us for good and none is merely away.
    """
    found = [(address, *await _probe(address, connection)) for address in connection["bootstrap_servers"]]
    text = "; ".join(f"{address}: {why}" for address, why, _ in found)
    if all(for_good for _, _, for_good in found):
        return ConfigError([Problem("log", 0, "log.bootstrap", f"no broker accepts us: {text}")])
    return Retryable(f"kafka: no broker of {len(found)} can be reached: {text}")


async def _probe(address: str, connection: Mapping[str, Any]) -> tuple[str, bool]:
    """The likely cause, and whether it stays."""
    host, _, port = address.rpartition(":")
    options = {k: v for k, v in connection.items() if k not in ("bootstrap_servers", "metadata_max_age_ms")}
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            (await create_conn(host.strip("[]"), int(port), **options)).close()
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted ({error.verify_message}); check `ca_file` and the host name", True
    except ssl.SSLError as error:
        return f"TLS failed ({error.reason}); is this listener a TLS one, and does it ask for a client certificate?", True
    except TimeoutError:
        return "no answer; check the address, firewalls, and whether `security` is that of the listener", False
    except (errors.AuthenticationFailedError, errors.SaslAuthenticationFailed) as error:
        return f"user or password refused ({error}); check `username`, `password` and `sasl_mechanism`", True
    except errors.UnsupportedSaslMechanismError as error:
        return f"this SASL mechanism is not offered ({error}); check `sasl_mechanism`", True
    except (errors.KafkaError, ConnectionResetError, BrokenPipeError, EOFError) as error:
        return (
            f"{_cause(error)}; is it the broker's port, with the protocol of `security` ({options['security_protocol']})?",
            False,
        )
    except OSError as error:
        return f"{error.strerror or error or type(error).__name__}; is a broker running there?", False
    return "answers now", False


def _cause(error: BaseException) -> str:
    return f"closed the connection ({type(error).__name__}{': ' if str(error) else ''}{error})"
