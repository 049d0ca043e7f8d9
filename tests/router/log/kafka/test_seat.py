"""Names of members: the same after a kill, and never the same twice."""

import os
import subprocess
import sys

from router.log.kafka.seat import Seat

_HOLD = (
    "import sys, time; from router.log.kafka.seat import Seat; s = Seat(sys.argv[1]); print(s.name, flush=True); time.sleep(600)"
)


def _scope() -> str:
    return f"test {os.urandom(8).hex()}"


def _holder(scope: str) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen([sys.executable, "-c", _HOLD, scope], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    with process.stdout as out:
        return process, out.readline().strip()


def test_no_two_have_one_name() -> None:
    scope = _scope()
    with Seat(scope) as one, Seat(scope) as two, Seat(scope) as three:
        assert len({one.name, two.name, three.name, ""}) == 4


def test_a_seat_that_is_given_up_is_the_next_one_to_be_taken() -> None:
    scope = _scope()
    with Seat(scope), Seat(scope) as gone, Seat(scope):
        name = gone.name
        gone.close()
        with Seat(scope) as new:
            assert new.name == name


def test_a_killed_process_finds_its_seat_again_and_a_living_one_keeps_it() -> None:
    scope = _scope()
    first, name = _holder(scope)
    second, other = _holder(scope)
    first.kill()
    first.wait()
    third, again = _holder(scope)
    for process in (second, third):
        process.kill()
        process.wait()
    assert again == name != other


def test_groups_and_clusters_have_seats_of_their_own() -> None:
    with Seat(_scope()) as one, Seat(_scope()) as two:
        assert one.name == two.name


def test_a_name_is_one_that_kafka_takes() -> None:
    with Seat(_scope()) as seat:
        assert seat.name.replace("-", "").replace(".", "").replace("_", "").isalnum()
        assert len(seat.name) <= 249
