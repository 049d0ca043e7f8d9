"""Real Apache Kafka brokers (KRaft) for tests: fetched once with Maven, started on free ports of the loopback."""

import asyncio
import base64
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.peers.certificates import Authority
from tests.peers.presence import missing

VERSION = os.environ.get("LOGWEIR_KAFKA_VERSION", "4.3.1")
_FILES = Path(__file__).with_name("kafka")
_JVM = [
    *("-Xms64m", "-Xmx256m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=48m"),
    *("-XX:-UsePerfData", "-Djava.awt.headless=true"),
]
_READY_SECONDS = 60.0


def jars() -> Path:
    """The directory of the broker's jars; fetched into the user's cache when it is not there yet."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            missing(f"`{program}` (for Apache Kafka)", "install a JRE of at least 17 and Maven")
    libraries = Path.home() / ".cache" / "logweir" / f"kafka-{VERSION}"
    libraries.mkdir(parents=True, exist_ok=True)
    with (libraries / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (libraries / ".complete").exists():
            _fetch(libraries)
            (libraries / ".complete").touch()
    return libraries


def _fetch(libraries: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={libraries}"]
    command = ["mvn", "-q", "-B", "-f", str(_FILES / "pom.xml"), *goal, f"-Dkafka.version={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        missing(f"Apache Kafka {VERSION}", f"Maven could not fetch it: {(done.stdout + done.stderr)[-600:]}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Node:
    """One JVM: broker, controller or both. Ports and data survive stop, kill and start."""

    libraries: Path
    folder: Path
    template: str
    values: dict[str, str]
    format_options: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def bootstrap(self) -> str:
        """Where clients without a password connect."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """True from `start` to `stop` or `kill`, unless the broker died by itself."""
        return self._process is not None and self._process.poll() is None

    def format(self, cluster: str) -> None:
        """Write the settings and make the data directory."""
        self.folder.mkdir(parents=True)
        shutil.copy(_FILES / "log4j2.properties", self.folder)
        values = {**self.values, "port": str(self.port), "data_dir": str(self.folder / "data")}
        text = "\n".join((_FILES / f"{name}.properties").read_text() for name in (self.template, "common"))
        (self.folder / "server.properties").write_text(Template(text).substitute(values))
        settings = ["-t", cluster, "-c", "server.properties", *self.format_options]
        done = subprocess.run(self._java("kafka.tools.StorageTool", "format", *settings), cwd=self.folder, capture_output=True)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()

    def _java(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile=file:{self.folder}/log4j2.properties"
        return ["java", *_JVM, logging, "-cp", f"{self.libraries}/*", main, *arguments]

    def launch(self) -> None:
        """Start without waiting."""
        with (self.folder / "out.log").open("ab") as out:
            command = self._java("kafka.Kafka", "server.properties")
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=out, start_new_session=True)

    def start(self, brokers: int = 1) -> None:
        """Start and wait until clients are served by this many brokers."""
        self.launch()
        self.wait_ready(brokers)

    def wait_ready(self, brokers: int = 1) -> None:
        """Raises AssertionError with the end of the broker's output when it does not come up."""
        end = time.monotonic() + _READY_SECONDS
        while not self._serves(brokers):
            assert self.running, f"the broker ended: {self.output()}"
            assert time.monotonic() < end, f"the broker is not ready: {self.output()}"
            time.sleep(0.1)

    def _serves(self, brokers: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return asyncio.run(_count_brokers(self.bootstrap)) >= brokers
        return False

    def output(self) -> str:
        """The end of what the broker wrote."""
        return (self.folder / "out.log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """Shut down in order (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let it vanish (SIGKILL)."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(how)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process = None

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a freeze."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


async def _count_brokers(bootstrap: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=3000)
    try:
        await admin.start()
        return len((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return 0
    finally:
        await admin.close()


def new_cluster() -> str:
    """A random cluster id, the same for all nodes of one cluster. It never begins with a dash, which would read as an option."""
    return base64.urlsafe_b64encode(b"\x01" + os.urandom(15)).rstrip(b"=").decode()


def _alone(node_id: int = 1) -> dict[str, str]:
    port = str(free_port())
    return {
        "node_id": str(node_id),
        "controller_port": port,
        "voters": f"{node_id}@127.0.0.1:{port}",
        "rf": "1",
        "min_isr": "1",
    }


class Single:
    """One broker that is its own controller, and asks nobody for a password."""

    def __init__(self, libraries: Path, folder: Path) -> None:
        self.node = Node(libraries, folder / "node", "combined", _alone())
        self.node.format(new_cluster())

    def start(self) -> None:
        """Returns when clients are served."""
        self.node.start()

    def kill(self) -> None:
        """End it at once."""
        self.node.kill()


class Secure:
    """A broker with TLS, SASL and ACLs: ports for each way in, and the certificates. `admin` may do anything."""

    password = "admin-secret"

    def __init__(self, libraries: Path, folder: Path) -> None:
        (folder / "certificates").mkdir(parents=True)
        self.authority = Authority(folder / "certificates")
        cert_file, key_file = self.authority.issue("broker")
        store = b"".join(f.read_bytes() for f in (key_file, cert_file, self.authority.ca_file))
        (folder / "certificates" / "broker.pem").write_bytes(store)
        self.sasl_ssl, self.sasl, self.ssl = free_port(), free_port(), free_port()
        ports = {"sasl_ssl_port": str(self.sasl_ssl), "sasl_port": str(self.sasl), "ssl_port": str(self.ssl)}
        values = {**_alone(), **ports, "certs_dir": str(folder / "certificates")}
        users = [f"SCRAM-SHA-512=[name={name},password={self.password}]" for name in ("admin", "router")]
        options = [part for user in users for part in ("--add-scram", user)]
        self.node = Node(libraries, folder / "node", "secure", values, options)
        self.node.format(new_cluster())

    def start(self) -> None:
        """Returns when clients are served."""
        self.node.start()

    def kill(self) -> None:
        """End it at once."""
        self.node.kill()


class Cluster:
    """One controller and three brokers; every topic has three replicas, of which two must have a record.

    The controller has a process of its own: with three combined nodes, two dead ones would take the quorum with them.
    """

    def __init__(self, libraries: Path, folder: Path, brokers: int = 3) -> None:
        port = str(free_port())
        shared = {"voters": f"100@127.0.0.1:{port}", "controller_port": port, "rf": "3", "min_isr": "2"}
        self.controller = Node(libraries, folder / "controller", "controller", shared)
        numbers = range(1, brokers + 1)
        self.brokers = [Node(libraries, folder / f"broker{n}", "broker", {**shared, "node_id": str(n)}) for n in numbers]

    @property
    def bootstrap(self) -> tuple[str, ...]:
        """All brokers."""
        return tuple(b.bootstrap for b in self.brokers)

    def start(self) -> None:
        """Format and start everything; returns when all brokers are registered."""
        cluster = new_cluster()
        for node in (self.controller, *self.brokers):
            node.format(cluster)
            node.launch()
        for broker in self.brokers:
            broker.wait_ready(len(self.brokers))

    def kill(self) -> None:
        """End everything at once."""
        for node in (*self.brokers, self.controller):
            node.kill()


P = TypeVar("P", Single, Secure, Cluster)


def _started(make: Callable[[Path, Path], P], libraries: Path, folder: Path) -> P:
    """Between choosing a port and listening on it somebody else may take it: one more try with other ports."""
    first = make(libraries, folder / "first")
    try:
        first.start()
        return first
    except AssertionError:
        first.kill()
    second = make(libraries, folder / "second")
    try:
        second.start()
        return second
    except BaseException:
        second.kill()
        raise


@contextlib.contextmanager
def running_broker(libraries: Path, folder: Path) -> Iterator[Node]:
    """One started broker."""
    single = _started(Single, libraries, folder)
    try:
        yield single.node
    finally:
        single.kill()


@contextlib.contextmanager
def running_secure(libraries: Path, folder: Path) -> Iterator[Secure]:
    """A started broker that asks who is there."""
    secure = _started(Secure, libraries, folder)
    try:
        yield secure
    finally:
        secure.kill()


@contextlib.contextmanager
def running_cluster(libraries: Path, folder: Path) -> Iterator[Cluster]:
    """A started cluster."""
    cluster = _started(Cluster, libraries, folder)
    try:
        yield cluster
    finally:
        cluster.kill()


def ensure() -> None:
    """Fetch Apache Kafka."""
    jars()
