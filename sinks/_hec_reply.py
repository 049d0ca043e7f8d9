"""The answer of a Splunk HTTP Event Collector to a batch of events. Sans-io: bytes in, outcomes out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from router.errors import LogweirError, Misconfigured, Retryable, TooLarge
from router.protocols import Outcome, WriteResult
from sinks._http import Reply

_ACCEPTED = frozenset((0, 24, 25))  # success, and success with a warning that a queue fills
_INCORRECT_INDEX = 7
_EVENT_AT_FAULT = {
    6: "invalid_data_format",
    _INCORRECT_INDEX: "incorrect_index",
    12: "event_field_required",
    13: "event_field_blank",
    15: "indexed_fields_refused",
}
_REMEDIES = {
    1: "the token is disabled: enable it",
    2: "no token arrived: check what stands between",
    3: "the authorization is malformed: check `token`",
    4: "the token is not known: check `token`",
    5: "it saw no data: check what stands between",
    7: "an index is not in the token's list: allow it, or correct `routes`",
    10: "the token wants a channel: set `ack: true`, or turn acknowledgement off for the token",
    11: "the channel was refused: check what stands between",
    14: "the token has no acknowledgement: enable it, or set `ack: false`",
    16: "it wants the token in another way: check what stands between",
    21: "the token is not known: check `token`",
    22: "the token is disabled: enable it",
    28: "it wants a channel and a sticky session: set `ack: true`",
}
_CLOUD_CAP_BYTES = 5 << 20  # above it Splunk Cloud blames event 0 for the size of the request


class Verdict(NamedTuple):
    """What became of the events, and the number under which the indexers will acknowledge those that were taken."""

    result: WriteResult
    ack_id: int | str | None


def read(reply: Reply, count: int, size: int) -> Verdict:
    """The fate of `count` events sent in `size` uncompressed bytes.

    Raises Retryable when the answer says nothing about them, Misconfigured and TooLarge as the code says.
    """
    answer, status = _answer(reply.body), reply.status
    code = _code(answer)
    if status == 200 and code in _ACCEPTED:
        return Verdict(WriteResult([Outcome.DELIVERED] * count), _ack_id(answer))
    if status == 400 and code in _EVENT_AT_FAULT:
        return _named(reply, answer, code, count, size)
    raise failure(reply)


def _named(reply: Reply, answer: Mapping[str, Any], code: int, count: int, size: int) -> Verdict:
    """Events before the one at fault are in, later ones were not looked at. Code 7 counts from one, the others from zero."""
    culprit = _culprit(answer, code, count)
    if code == 6 and culprit in (0, None) and size > _CLOUD_CAP_BYTES and count > 1:
        raise TooLarge(f"too_large: {reply.url} refuses {size} bytes in one request")
    if culprit is None:
        return _unnamed(reply, code, count)
    behind = count - culprit - 1
    outcomes = [Outcome.DELIVERED] * culprit + [Outcome.REJECTED] + [Outcome.RETRY] * behind
    reasons = {culprit: _EVENT_AT_FAULT[code]} | dict.fromkeys(range(culprit + 1, count), "not_reached")
    return Verdict(WriteResult(outcomes, reasons), _ack_id(answer))


def _culprit(answer: Mapping[str, Any], code: int, count: int) -> int | None:
    number = answer.get("invalid-event-number")
    if type(number) is not int:
        return None
    index = number - 1 if code == _INCORRECT_INDEX else number
    return index if 0 <= index < count else None


def _unnamed(reply: Reply, code: int, count: int) -> Verdict:
    """One event is at fault and it is not said which: the batch is split until it stands alone."""
    if code == _INCORRECT_INDEX:
        raise Misconfigured(f"refused: {reply.url} answered code {code}: {_REMEDIES[code]}")
    if count > 1:
        raise TooLarge(f"{_EVENT_AT_FAULT[code]}: {reply.url} answered code {code} and named no event")
    return Verdict(WriteResult([Outcome.REJECTED], {0: _EVENT_AT_FAULT[code]}), None)


def failure(reply: Reply) -> LogweirError:
    """What an answer that names no event means for the whole request."""
    status, code = reply.status, _code(_answer(reply.body))
    what = f"{reply.url} answered {status}" + (f" with code {code}" if code is not None else "")
    if status in (408, 429) or status >= 500:
        return Retryable(f"busy: {what}", reply.retry_after_seconds)
    if status == 413:
        return TooLarge(f"too_large: {what}")
    if 200 <= status < 300 or (status == 400 and code is None):
        return Retryable(f"unreadable_answer: {what}, which is no answer of a collector; all is sent again")
    if code in _REMEDIES:
        return Misconfigured(f"refused: {what}: {_REMEDIES[code]}")
    return Misconfigured(f"refused: {what}: check `urls` and `token`")


def unhealthy(reply: Reply) -> Retryable | Misconfigured | None:
    """What the health page says against sending; None when nothing does, or when there is no such page."""
    if reply.status == 429 or reply.status >= 500:
        return Retryable(f"unhealthy: {reply.url} answered: {reply.status}", reply.retry_after_seconds)
    code = _code(_answer(reply.body))
    if reply.status == 400 and code in (21, 22):
        return Misconfigured(f"refused: {reply.url} answered code {code}: {_REMEDIES[code]}")
    return None


def _answer(body: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _code(answer: Mapping[str, Any]) -> int | None:
    """The product's own word for what happened; None where there is none. Whatever answers there may say anything."""
    found = answer.get("code")
    return found if type(found) is int else None


def _ack_id(answer: Mapping[str, Any]) -> int | str | None:
    """Opaque: some collectors count from zero in each channel, others answer with large random numbers."""
    found = answer.get("ackId")
    return found if type(found) in (int, str) else None


def acknowledged(reply: Reply) -> list[str] | None:
    """The numbers that an answer to `/ack` reports as indexed; None when it is no such answer."""
    acks = _answer(reply.body).get("acks") if reply.status == 200 else None
    return [key for key, done in acks.items() if done is True] if isinstance(acks, dict) else None


def knows_no_channel(reply: Reply) -> bool:
    """Whether somebody was asked about a channel who never heard of it: another indexer than the one that counts there."""
    return reply.status == 400 and _code(_answer(reply.body)) in (10, 11)
