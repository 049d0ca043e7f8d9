"""How the brokers of an Apache Kafka are reached: what the log and the source `kafka` have in common."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from router.registry import Secret, Settings


def _broker(text: str) -> str:
    host, _, port = text.rpartition(":")
    if "/" in host or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{text!r} is no broker; write host:port, such as kafka-1:9092")
    return text


class Brokers(Settings):
    """Addresses, encryption and authentication."""

    bootstrap: tuple[Annotated[str, AfterValidator(_broker)], ...] = Field(min_length=1)
    """`host:port` of some brokers."""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How brokers are spoken to."""
    ca_file: Path | None = None
    """PEM file of the authority that signed the brokers' certificates; the system's if absent."""
    cert_file: Path | None = None
    """PEM certificate for mutual TLS."""
    key_file: Path | None = None
    """PEM key of `cert_file`."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """SASL mechanism."""
    username: str = ""
    """SASL user."""
    password: Secret | None = None
    """SASL password."""

    @model_validator(mode="after")
    def _is_whole(self) -> "Brokers":
        if self.security.startswith("SASL") and not self.username:
            raise ValueError(f"`security: {self.security}` needs who we are; give `username` and `password`")
        if (self.username or self.password) and not self.security.startswith("SASL"):
            raise ValueError(
                f"`security: {self.security}` sends no user; choose SASL_SSL, or leave out `username` and `password`"
            )
        if self.key_file and not self.cert_file:
            raise ValueError("`key_file` is of no use alone; give `cert_file`, too")
        return self
