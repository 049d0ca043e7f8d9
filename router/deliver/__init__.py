"""The loop around every sink: choose, send, wait for the answer, dead-letter, commit."""

from router.deliver.breaker import State
from router.deliver.delivery import Delivery
from router.deliver.tally import Status

__all__ = ["Delivery", "State", "Status"]
