"""Messages that a cloud's topics hand on: Google Cloud Pub/Sub to an endpoint or a puller, Amazon SNS to an endpoint or a queue.

Google Cloud, "Push subscriptions" (the wrapped message: `message.data` is base64) and "ReceivedMessage"; Amazon SNS Developer
Guide, "HTTP/HTTPS notification JSON format".
"""

from typing import Any, NamedTuple

from router.normalize.delivered import decoded

_SNS = ("TopicArn", "Message")


class Pushed(NamedTuple):
    """What a topic hands on."""

    text: str
    """The message."""
    time: Any
    """When the topic took it."""
    beside: dict[str, Any]
    """What stood beside it."""


def pushed(value: dict[str, Any]) -> Pushed | None:
    """The message that a topic hands on in this object; None when it is no such object."""
    if value.get("Type") == "Notification" and all(type(value.get(key)) is str for key in _SNS):
        return Pushed(value["Message"], value.get("Timestamp"), {key: item for key, item in value.items() if key != "Message"})
    message = value.get("message")
    if type(message) is not dict or ("subscription" not in value and "ackId" not in value):
        return None
    data = decoded(message.get("data"))
    if data is None:
        return None
    beside = {key: item for key, item in message.items() if key != "data"}
    return Pushed(data.decode("utf-8", "replace"), message.get("publishTime"), {**value, "message": beside})
