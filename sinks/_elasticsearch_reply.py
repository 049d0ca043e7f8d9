"""The answer to a bulk request, read item by item. Sans-io: bytes in, outcomes out."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from router.errors import Misconfigured, Retryable, TooLarge
from router.protocols import Outcome, WriteResult
from sinks._http import Reply

_WORD = re.compile(r"[a-z][a-z0-9_]{0,79}")
_FIELD = re.compile(r"(?:failed to parse|mapping set to strict|unable to parse)[^\[]{0,60}\[([A-Za-z0-9_.@-]{1,120})\]")
_OF_TYPE = re.compile(r"of type \[([a-z_]{1,40})\]")
# An error of the document or of the pipeline that comes as 500: sending it again gives the same.
_FOR_GOOD = frozenset(("fail_processor_exception", "ingest_processor_exception", "script_exception"))
_SUCCESS = frozenset((200, 201))


def read(reply: Reply, count: int, ids: bool) -> WriteResult:
    """What became of `count` documents; `ids`: they carried ids of ours, so that a conflict is a repeat.

    Raises Retryable when the answer says nothing about them, Misconfigured and TooLarge as the status says.
    """
    if reply.status != 200:
        raise _refusal(reply)
    items = _items(reply.body)
    if items is None or len(items) != count:
        found = "an answer that is not one of _bulk" if items is None else f"{len(items)} items"
        raise Retryable(f"unreadable_answer: {reply.url} answered {count} documents with {found}; all are sent again")
    outcomes, reasons = _classified(items, ids)
    _raise_if_all_refused(items, reply)
    return WriteResult(outcomes, reasons, reply.retry_after_seconds)


def hits(reply: Reply, by_id: bool) -> list[str]:
    """What a search found: the ids of documents, or their `event.id`. Raises as `read`."""
    if reply.status != 200:
        raise _refusal(reply)
    try:
        answer = orjson.loads(reply.body)
        found = answer.get("hits", {}).get("hits", [])
        return [str(hit["_id"]) for hit in found] if by_id else [str(hit["fields"]["event.id"][0]) for hit in found]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise Retryable(f"unreadable_answer: {reply.url} answered a search with something else") from error


def _items(body: bytes) -> list[Mapping[str, Any]] | None:
    """The inner object of every item, or None when the answer is anything else."""
    try:
        answer = orjson.loads(body)
        items = [next(iter(item.values())) for item in answer["items"]]
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration):
        return None
    return items if all(isinstance(item, dict) and type(item.get("status")) is int for item in items) else None


def _classified(items: Sequence[Mapping[str, Any]], ids: bool) -> tuple[list[Outcome], dict[int, str]]:
    outcomes, reasons = [], {}
    for index, item in enumerate(items):
        if item["status"] in _SUCCESS and "failure_store" not in item:
            outcomes.append(Outcome.DELIVERED)
            continue
        outcome = _outcome(item, ids)
        outcomes.append(outcome)
        if outcome in (Outcome.RETRY, Outcome.REJECTED):
            reasons[index] = reason(item)
    return outcomes, reasons


def _outcome(item: Mapping[str, Any], ids: bool) -> Outcome:
    status, kind = item["status"], error_type(item)
    if status in _SUCCESS:
        return Outcome.REDIRECTED if item.get("failure_store") == "used" else Outcome.DELIVERED
    if status == 409:
        return Outcome.DUPLICATE if ids and kind == "version_conflict_engine_exception" else Outcome.RETRY
    if status in (401, 403, 408, 429) or kind == "cluster_block_exception":
        return Outcome.RETRY
    if status >= 500:
        return Outcome.REJECTED if kind in _FOR_GOOD else Outcome.RETRY
    return Outcome.REJECTED if 400 <= status < 500 else Outcome.RETRY


def _raise_if_all_refused(items: Sequence[Mapping[str, Any]], reply: Reply) -> None:
    """A missing right or a missing index for everything is a matter for a person; for a stray item it is not."""
    if not items:
        return
    kinds = {error_type(item) for item in items if item["status"] in (401, 403, 404)}
    if all(item["status"] in (401, 403) and error_type(item) != "cluster_block_exception" for item in items):
        remedy = "give the user or key the index privileges create_doc and auto_configure for the streams"
        raise Misconfigured(f"not_permitted: {reply.url} refuses every document: {', '.join(sorted(kinds))}; {remedy}")
    if all(item["status"] == 404 for item in items):
        remedy = "run `logweir setup`, or make the index template"
        raise Misconfigured(f"no_index: {reply.url} has no place for any document: {', '.join(sorted(kinds))}; {remedy}")


def error_type(item: Mapping[str, Any]) -> str:
    """The product's word for what went wrong."""
    error = item.get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) and _WORD.fullmatch(kind) else "unknown_error"


def reason(item: Mapping[str, Any]) -> str:
    """`type`, or `type: field [x] of type [y]`. The product's own text quotes the document, so no more of it is kept."""
    kind, error = error_type(item), item.get("error")
    text = error.get("reason") if isinstance(error, dict) else None
    if not isinstance(text, str):
        return kind
    field, of_type = _FIELD.search(text), _OF_TYPE.search(text)
    place = f": field [{field[1]}]" if field else ""
    return kind + place + (f" of type [{of_type[1]}]" if place and of_type else "")


def _refusal(reply: Reply) -> Exception:
    status, what = reply.status, f"{reply.url} answered {reply.status}"
    if status in (408, 429) or status >= 500:
        return Retryable(f"busy: {what}", reply.retry_after_seconds)
    if status == 413:
        return TooLarge(f"too_large: {what}")
    if status in (401, 403):
        return Misconfigured(f"not_permitted: {what}: {whole_error(reply.body)}; check the credentials and what they may do")
    if 200 <= status < 300:
        return Retryable(f"unreadable_answer: {what}, which is no answer of _bulk")
    if b"require_data_stream" in reply.body:
        return Misconfigured(f"refused: {what}: it does not know require_data_stream; set `require_data_stream: false`")
    return Misconfigured(f"refused: {what}: {whole_error(reply.body)}; check the url, the pipeline and the product's version")


def whole_error(body: bytes) -> str:
    """The type of an error that concerns the whole request."""
    try:
        answer = orjson.loads(body)
    except ValueError:
        return "no reason given"
    return error_type(answer) if isinstance(answer, dict) else "no reason given"
