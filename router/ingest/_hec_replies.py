"""The answers of a Splunk HTTP Event Collector: status and text by code, in Splunk's order of keys."""

import json

from aiohttp import web

SUCCESS, TOKEN_DISABLED, NO_TOKEN, BAD_AUTHORIZATION, BAD_TOKEN, NO_DATA, BAD_DATA = 0, 1, 2, 3, 4, 5, 6
INTERNAL, BUSY, NO_CHANNEL, BAD_CHANNEL, ACK_DISABLED, NO_QUERY_TOKEN = 8, 9, 10, 11, 14, 16
HEALTHY, UNHEALTHY, PROBE_BAD_TOKEN, PROBE_DISABLED, CLOSING, ACKS_FULL = 17, 18, 21, 22, 23, 27
NOT_FOUND, WRONG_VERB, TOO_LARGE, NO_ENCODING, TIMEOUT = 404, 405, 413, 415, 408

_UNKNOWN_URL = "The requested URL was not found on this server."
REPLIES = {
    SUCCESS: (200, "Success"),
    TOKEN_DISABLED: (403, "Token disabled"),
    NO_TOKEN: (401, "Token is required"),
    BAD_AUTHORIZATION: (401, "Invalid authorization"),
    BAD_TOKEN: (403, "Invalid token"),
    NO_DATA: (400, "No data"),
    BAD_DATA: (400, "Invalid data format"),
    7: (400, "Incorrect index"),
    INTERNAL: (500, "Internal server error"),
    BUSY: (503, "Server is busy"),
    NO_CHANNEL: (400, "Data channel is missing"),
    BAD_CHANNEL: (400, "Invalid data channel"),
    12: (400, "Event field is required"),
    13: (400, "Event field cannot be blank"),
    ACK_DISABLED: (400, "ACK is disabled"),
    15: (400, "Error in handling indexed fields"),
    NO_QUERY_TOKEN: (400, "Query string authorization is not enabled"),
    HEALTHY: (200, "HEC is healthy"),
    UNHEALTHY: (503, "HEC is unhealthy, queues are full"),
    PROBE_BAD_TOKEN: (400, "Invalid token"),
    PROBE_DISABLED: (400, "Token disabled"),
    CLOSING: (503, "Server is shutting down"),
    ACKS_FULL: (429, "ACK channel at capacity"),
    NOT_FOUND: (404, _UNKNOWN_URL),
    WRONG_VERB: (405, _UNKNOWN_URL),
    TOO_LARGE: (413, "Content is too large"),
    NO_ENCODING: (415, "Unsupported content encoding"),
    TIMEOUT: (408, "Request timed out"),
}
_RETRY_AFTER = {BUSY: "1", UNHEALTHY: "1", CLOSING: "1", ACKS_FULL: "5"}


class Refusal(Exception):
    """Ends the handling of a request with a code other than success."""

    def __init__(self, code: int, *, is_counted: bool = False) -> None:
        """`is_counted`: the events of the request have been counted as refused, each for itself."""
        self.code, self.is_counted = code, is_counted
        super().__init__(REPLIES[code][1])


def reply(code: int, *, bad_event: int | None = None, ack_id: int | None = None) -> web.Response:
    """`bad_event`: the number of the object that was refused. `ack_id`: what the client may ask about."""
    status, text = REPLIES[code]
    body: dict[str, str | int] = {"text": text, "code": 404 if code == WRONG_VERB else code}
    if bad_event is not None:
        body["invalid-event-number"] = bad_event
    if ack_id is not None:
        body["ackId"] = ack_id
    answer = as_json(body, status)
    if code in _RETRY_AFTER:
        answer.headers["Retry-After"] = _RETRY_AFTER[code]
    return answer


def as_json(body: object, status: int = 200) -> web.Response:
    """A body as Splunk writes it: no space between tokens."""
    return web.Response(text=json.dumps(body, separators=(",", ":")), status=status, content_type="application/json")
