"""Kafka with TLS, passwords and rights, on a real broker; what is refused is refused with its cause."""

import os
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest
from pydantic import SecretStr

from router.batch import Record
from router.config import KafkaLog
from router.errors import ConfigError, Misconfigured, Retryable
from router.protocols import TopicSettings
from tests.contract.log_process import quick
from tests.peers.certificates import Authority
from tests.peers.kafka import Secure, free_port

pytestmark = [pytest.mark.kafka, pytest.mark.peer]

_ONE = {"one": TopicSettings(1, 3600)}
_TOPIC, _PREFIXED, _ALL, _ALLOW = 2, 4, 2, 3


def _settings(secure: Secure, port: int, **rest: Any) -> KafkaLog:
    values: dict[str, Any] = {"kind": "kafka", "bootstrap": (f"127.0.0.1:{port}",), "prefix": f"s{os.urandom(4).hex()}."}
    return KafkaLog(**{**values, "ca_file": secure.authority.ca_file, "send_deadline_seconds": 5, **rest})


def _scram(secure: Secure, user: str = "admin", **rest: Any) -> KafkaLog:
    password = SecretStr(rest.pop("password", secure.password))
    return _settings(secure, secure.sasl_ssl, security="SASL_SSL", username=user).model_copy(
        update={"password": password, **rest}
    )


async def _round_trip(settings: KafkaLog) -> None:
    log = quick(settings)
    await log.start()
    try:
        await log.create(_ONE)
        await log.append("one", 0, [Record(b"i" * 16, b"body", 1.0)])
        async with log.follow(["one"], group="g") as follower:
            batches = []
            while not batches:
                batches = list(await follower.read(max_records=1, timeout_seconds=1))
        assert batches[0].items[0].body == b"body"
    finally:
        await log.close()


async def _refused(settings: KafkaLog, kind: type[Exception], text: str) -> None:
    log = quick(settings)
    with pytest.raises(kind, match=text):
        await log.start()
    await log.close()


async def test_records_go_through_tls_with_a_password(kafka_secure: Secure) -> None:
    await _round_trip(_scram(kafka_secure))


async def test_a_certificate_takes_the_place_of_a_password(kafka_secure: Secure) -> None:
    cert_file, key_file = kafka_secure.authority.issue("admin")
    await _round_trip(_settings(kafka_secure, kafka_secure.ssl, security="SSL", cert_file=cert_file, key_file=key_file))


async def test_a_wrong_password_is_named(kafka_secure: Secure) -> None:
    await _refused(_scram(kafka_secure, password="wrong"), ConfigError, f"127.0.0.1:{kafka_secure.sasl_ssl}: user or password")


async def test_a_mechanism_that_is_not_offered_is_named(kafka_secure: Secure) -> None:
    settings = _scram(kafka_secure, sasl_mechanism="SCRAM-SHA-256")
    await _refused(settings, ConfigError, "password refused")


async def test_an_untrusted_broker_is_named(kafka_secure: Secure, tmp_path: Path) -> None:
    settings = _scram(kafka_secure, ca_file=Authority(tmp_path).ca_file)
    await _refused(settings, ConfigError, "certificate is not trusted")


async def test_a_missing_client_certificate_is_named(kafka_secure: Secure) -> None:
    settings = _settings(kafka_secure, kafka_secure.ssl, security="SSL")
    await _refused(settings, (ConfigError, Retryable), "TLS failed|closed the connection")  # type: ignore[arg-type]  # of types


async def test_plain_words_to_a_tls_port_are_named(kafka_secure: Secure) -> None:
    settings = _settings(kafka_secure, kafka_secure.sasl_ssl)
    await _refused(settings, Retryable, f"127.0.0.1:{kafka_secure.sasl_ssl}: .*PLAINTEXT|no answer")


async def test_tls_to_a_plain_port_is_named(kafka_secure: Secure) -> None:
    settings = _settings(kafka_secure, kafka_secure.node.port, security="SSL")
    await _refused(settings, (ConfigError, Retryable), r"TLS failed|closed the connection.*\(SSL\)")  # type: ignore[arg-type]  # of types


async def test_every_broker_that_is_away_is_named(kafka_secure: Secure) -> None:
    ports = free_port(), free_port()
    settings = _settings(kafka_secure, 1, bootstrap=tuple(f"127.0.0.1:{p}" for p in ports))
    await _refused(settings, Retryable, f"127.0.0.1:{ports[0]}: .*is a broker running.*127.0.0.1:{ports[1]}: ")


async def test_a_name_that_does_not_exist_is_named(kafka_secure: Secure) -> None:
    settings = _settings(kafka_secure, 1, bootstrap=("no-such-host.invalid:9092",))
    await _refused(settings, Retryable, "no-such-host.invalid:9092")


async def test_unreadable_certificate_files_are_named(kafka_secure: Secure, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("not a certificate")
    await _refused(_scram(kafka_secure, ca_file=tmp_path / "bad.pem"), ConfigError, "bad.pem")


async def test_a_right_that_is_withdrawn_and_given_back_heals(kafka_secure: Secure) -> None:
    settings = _scram(kafka_secure, user="router")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_secure.node.bootstrap)
    owner = quick(_scram(kafka_secure, prefix=settings.prefix))
    log = quick(settings)
    await admin.start()
    await owner.start()
    try:
        await owner.create(_ONE)
        acl = (_TOPIC, settings.prefix, _PREFIXED, "User:router", "*", _ALL, _ALLOW)
        await admin._send_to_controller(CreateAclsRequest(*acl))
        await _until_allowed(log)
        await admin._send_to_controller(DeleteAclsRequest(*acl))
        with pytest.raises(Misconfigured, match=r"TopicAuthorizationFailed.*grant"):
            await _append_often(log)
        await admin._send_to_controller(CreateAclsRequest(*acl))
        await _until_allowed(log)
    finally:
        await log.close()
        await owner.close()
        await admin.close()


async def _append_often(log: Any) -> None:
    for _ in range(200):
        await log.append("one", 0, [Record(b"i" * 16, b"refused", 1.0)])


async def _until_allowed(log: Any) -> None:
    """Rights need a moment to spread."""
    for _ in range(100):
        try:
            await log.append("one", 0, [Record(b"i" * 16, b"allowed", 1.0)])
            return
        except Misconfigured:
            continue
    pytest.fail("the broker never allowed it")
