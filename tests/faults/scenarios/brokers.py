"""R4: Kafka brokers that go away, one of three and then all of them."""

import asyncio
import tempfile
from pathlib import Path

from tests.faults.arena import Plan, arena
from tests.faults.outcome import Outcome
from tests.faults.scenarios import in_thread, scenario
from tests.peers import kafka as kafka_peer

_SOME = 100
"""Events that tell that it goes on."""


@scenario("R4", 0.5, 57, needs_kafka=True)
async def brokers_down(outcome: Outcome) -> None:
    """Three brokers, two replicas in sync: one is killed, comes back; then all three. Nothing is lost, recovery within 60 s."""
    with tempfile.TemporaryDirectory(prefix="logweir-cluster-") as folder:
        jars = await asyncio.to_thread(kafka_peer.jars)
        async with in_thread(kafka_peer.running_cluster(jars, Path(folder) / "kafka")) as cluster:
            log = {"kind": "kafka", "bootstrap": list(cluster.bootstrap), "partitions": 3, "replication": 3}
            async with arena(Plan(rate=400, log=log), outcome) as one:
                one.send()
                await asyncio.sleep(8)
                victim = one.random.choice(cluster.brokers)
                await asyncio.to_thread(victim.kill)
                one.hit("broker SIGKILL")
                await asyncio.sleep(outcome.minutes * 20)
                outcome.check("with two of three brokers events are acknowledged", await one.goes_on(_SOME))
                await asyncio.to_thread(victim.start, 3)
                await asyncio.sleep(outcome.minutes * 10)
                for broker in cluster.brokers:
                    await asyncio.to_thread(broker.kill)
                    one.hit("broker SIGKILL")
                await asyncio.sleep(outcome.minutes * 15)
                for broker in cluster.brokers:
                    broker.launch()
                for broker in cluster.brokers:
                    await asyncio.to_thread(broker.wait_ready, 3)
                back, acknowledged = asyncio.get_running_loop().time(), one.ledger.acknowledged
                while one.ledger.acknowledged == acknowledged and asyncio.get_running_loop().time() - back < 90:
                    await asyncio.sleep(0.2)
                recovered = asyncio.get_running_loop().time() - back
                outcome.figures["acknowledges_again_after_seconds"] = round(recovered, 1)
                outcome.check("acknowledges again within 60 s of the brokers' return", recovered <= 60, f"{recovered:.1f} s")
                await asyncio.sleep(5)
                await one.end()
                one.judge(repeats=lambda _: 4 * 10_000)
