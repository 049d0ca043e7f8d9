"""What a configuration says about an Elasticsearch or OpenSearch cluster, and the stream that some facts lead to."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from router.batch import Facts
from router.registry import Secret, Settings, SinkSettings
from sinks._http import Url
from sinks._tls import Tls

ALERT_KINDS = frozenset(("alert", "signal"))
"""ECS event.kind of what goes to `alerts_stream`."""
_UNSAFE = re.compile(r"[^a-z0-9._]")
_STREAM = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


class Retention(Settings):
    """How long the product keeps what it was sent."""

    by: Literal["lifecycle", "ilm", "none"] = "lifecycle"
    """`lifecycle`: data stream lifecycle (8.14 or newer); `ilm`: a policy of index lifecycle management; `none`: not ours."""
    days: int = Field(30, ge=1)
    """Delete after so many days."""


class ElasticsearchSettings(SinkSettings):
    """An Elasticsearch or OpenSearch cluster."""

    urls: tuple[Url, ...] = Field(min_length=1)
    """Nodes or balancers, such as `https://es1:9200`. They take turns; one that cannot be reached is passed over."""
    username: str = ""
    """User for basic authentication."""
    password: Secret | None = None
    """Password of `username`."""
    api_key: Secret | None = None
    """API key in its encoded form, instead of a user."""
    tls: Tls = Tls()
    """Certificates, for https."""
    namespace: str = Field("logweir", pattern=r"^[a-z0-9][a-z0-9._]{0,99}$")
    """Last part of the streams' names. One of your own keeps our templates apart from those of other products."""
    data_stream: str = "logs-{dataset}-{namespace}"
    """Name of the stream of an event."""
    alerts_stream: str = "logs-alerts-{namespace}"
    """Name of the stream of alerts (event.kind `alert` or `signal`)."""
    document_id: bool = True
    """Send the event's id as `_id`."""
    require_data_stream: bool = True
    """Have the server refuse what no data stream template fits (8.13 or newer), rather than make an index of its own."""
    pipeline: str = Field("", pattern=r"^[A-Za-z0-9@._-]{0,255}$")
    """Ingest pipeline to send through."""
    gzip: bool = True
    """Compress requests."""
    max_records: int = Field(1000, ge=1, le=10_000)
    """Documents in one request."""
    max_bytes: int = Field(5 << 20, ge=1024, le=15 << 20)
    """Document bytes in one request."""
    max_concurrency: int = Field(8, ge=1, le=200)
    """Requests at once."""
    timeout_seconds: float = Field(60, gt=0)
    """Until an answer has been read whole."""
    retention: Retention = Retention()
    """For `logweir setup`."""
    failure_store: bool = True
    """For `logweir setup`: let the product keep documents that fit no mapping (where it can)."""
    replicas: int = Field(1, ge=0, le=10)
    """For `logweir setup`: copies of each shard."""

    @field_validator("data_stream", "alerts_stream")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        sample = pattern.replace("{dataset}", "d").replace("{namespace}", "n")
        if not _STREAM.fullmatch(sample):
            raise ValueError("not the name of a data stream; use a-z 0-9 . _ - and {dataset}, {namespace}")
        return pattern

    @model_validator(mode="after")
    def _authenticates_in_one_way(self) -> "ElasticsearchSettings":
        if self.api_key and (self.username or self.password):
            raise ValueError("api_key and username are both given; keep one")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together; give both")
        return self

    def stream(self, facts: Facts) -> str:
        """The data stream of records with these facts."""
        pattern = self.alerts_stream if facts.kind in ALERT_KINDS else self.data_stream
        return pattern.replace("{dataset}", dataset_part(facts.dataset)).replace("{namespace}", self.namespace)


def dataset_part(dataset: str) -> str:
    """A dataset as part of a name: lower case, allow-listed characters, at most 100."""
    return _UNSAFE.sub("_", dataset.lower()).lstrip("._")[:100] or "generic"
