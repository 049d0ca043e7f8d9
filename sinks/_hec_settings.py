"""What a configuration says about Splunk: its collectors, its management port, and the way that some datasets take."""

from pydantic import Field, model_validator

from router.registry import DatasetPattern, Secret, Settings, SinkSettings
from sinks._http import Url
from sinks._tls import Tls


class Route(Settings):
    """Where events of some datasets go."""

    datasets: tuple[DatasetPattern, ...] = ("*",)
    """Datasets, exact or with a trailing `*` (`windows.*`)."""
    index: str = Field("", pattern=r"^([a-z0-9][a-z0-9_-]{0,254})?$")
    """Index; the token's default if empty. It must be in the token's list."""
    sourcetype: str = "logweir:{dataset}"
    """Sourcetype; `{dataset}` is replaced."""
    source: str = "logweir"
    """Source; `{dataset}` is replaced."""

    def takes(self, dataset: str) -> bool:
        return any(dataset == d or (d.endswith("*") and dataset.startswith(d[:-1])) for d in self.datasets)


class Management(Settings):
    """Splunk's management port, for `logweir setup` only."""

    url: Url
    """Such as `https://splunk:8089`."""
    token: Secret | None = None
    """Authentication token of a user with the capabilities indexes_edit and edit_token_http."""
    username: str = ""
    """User, instead of a token."""
    password: Secret | None = None
    """Password of `username`."""
    token_name: str = "logweir"
    """Name of the HEC token to look for or make."""

    @model_validator(mode="after")
    def _authenticates(self) -> "Management":
        if not self.token and not (self.username and self.password):
            raise ValueError("nothing to authenticate with; give `token`, or `username` and `password`")
        return self


class SplunkHecSettings(SinkSettings):
    """Splunk Enterprise, Splunk Cloud, or what speaks HEC like them."""

    urls: tuple[Url, ...] = Field(min_length=1)
    """Collectors, such as `https://splunk:8088`. They take turns; one that cannot be reached is passed over."""
    token: Secret
    """The HEC token."""
    tls: Tls = Tls()
    """Certificates, for https. Splunk's stock certificate carries no host name: set `ca_file` and `server_name`."""
    routes: tuple[Route, ...] = (Route(),)
    """Index, sourcetype and source by dataset; the first that fits. What none fits goes to the token's defaults."""
    host: str = ""
    """Host of events that name none."""
    ack: bool = False
    """Wait for indexer acknowledgement; the token must have it enabled."""
    ack_timeout_seconds: float = Field(300, gt=0)
    """After this an event that is not acknowledged is sent again."""
    ack_poll_seconds: float = Field(1, gt=0, le=60)
    """First pause between questions for acknowledgement; grows to ten times as much."""
    gzip: bool = True
    """Compress requests."""
    max_records: int = Field(1000, ge=1, le=10_000)
    """Events in one request."""
    max_bytes: int = Field(1 << 20, ge=1024, le=2 << 20)
    """Document bytes in one request, before compression."""
    max_concurrency: int = Field(8, ge=1, le=200)
    """Requests at once. With `ack`, connections; eight times as many requests may wait for acknowledgement."""
    timeout_seconds: float = Field(30, gt=0)
    """Until an answer has been read whole."""
    management: Management | None = None
    """For `logweir setup`."""

    def route(self, dataset: str) -> Route:
        return next((route for route in self.routes if route.takes(dataset)), Route())


def authorization(settings: SplunkHecSettings) -> dict[str, str]:
    """The header that says who we are."""
    return {"Authorization": f"Splunk {settings.token.get_secret_value()}"}
