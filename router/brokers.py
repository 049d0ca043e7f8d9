"""How the brokers of an Apache Kafka are reached: what the log and the source `kafka` have in common."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from router.registry import Secret, Settings


class Brokers(Settings):
    """Addresses, encryption and authentication."""

    bootstrap: tuple[str, ...] = Field(min_length=1)
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
