"""OCSF category 3, Identity and Access Management: logons, accounts, groups."""

from router.shapes import words
from router.shapes.ocsf import classes, windows
from router.shapes.ocsf.classes import Made
from router.shapes.ocsf.objects import Object, device, endpoint, group, process, user
from router.shapes.ocsf.web import request
from router.shapes.reading import Reading, boolean, text

_ENDS = {"end", "deletion"}
_USERS = ("user", "source.user", "client.user", "destination.user")


def authentication(r: Reading) -> Made | None:
    """authentication: who, and to what. The service is the one that is named, else the product that reports the logon."""
    account = user(r, "user.effective", *_USERS) if "su" in words.action(r) else user(r, *_USERS)
    if account is None:
        return None
    attributes: Object = {"user": account}
    if (source := endpoint(r, "source", "client")) is not None:
        attributes["src_endpoint"] = source
    if (target := endpoint(r, "destination", "server")) is not None:
        attributes["dst_endpoint"] = target
    if (name := _service(r)) is not None:
        attributes["service"] = {"name": name}
    if "dst_endpoint" not in attributes and (machine := device(r, "host", "observer")) is not None:
        attributes["dst_endpoint"] = {k: machine[k] for k in ("hostname", "name", "ip", "uid") if k in machine}
    if "dst_endpoint" not in attributes and "service" not in attributes:
        return None
    windows.logon(r, attributes)
    request(r, attributes)
    if (doer := process(r)) is not None:
        attributes["actor"] = {"process": doer}
    if (mfa := r.take("okta.authentication_context.is_mfa", boolean)) is not None:
        attributes["is_mfa"] = mfa
    return Made(classes.AUTHENTICATION, _logon(r), attributes)


def _service(r: Reading) -> str | None:
    named = r.first(("service.name", "network.application"), text)
    if named is not None:
        return str(named)
    return text(r.get("process.name")) or text(r.get("observer.product")) or text(r.get("event.provider"))


def _logon(r: Reading) -> int:
    if (ticket := windows.ticket_activity(r)) is not None:
        return ticket
    types, said = words.names(r, "event.type"), words.action(r)
    if types & _ENDS or words.told(said, (("logoff logout logged-out loggedout signout", 1),), 0) or "off" in said:
        return 2
    starts = types & {"start", "access", "allowed", "denied"} or words.told(
        said, (("login logon logged signin sign auth", 1),), 0
    )
    return 1 if starts or r.get("event.outcome") in ("success", "failure") else 99


_CHANGES = {"change", "creation", "deletion", "admin"}
_ACCOUNT_WORDS = (
    ("mfa factor", 0),
    ("reset", 4),
    ("password", 3),
    ("unlock", 12),
    ("lock", 9),
    ("enabl activ unsuspend", 2),
    ("disabl deactiv suspend", 5),
    ("creat add", 1),
    ("delet remov", 6),
)
_ACCOUNT_TYPES = (("creation", 1), ("deletion", 6))


def _subject(r: Reading) -> tuple[Object | None, Object | None]:
    """(the account that was changed, who changed it)."""
    target = user(r, "user.target")
    if target is not None:
        return target, user(r, "user", "client.user", "source.user")
    return user(r, "user.changes") or user(r, "user", "destination.user"), user(r, "client.user", "source.user")


def accounts(r: Reading) -> Made | None:
    """account_change. What only reads an account changes none."""
    if not words.names(r, "event.type") & _CHANGES:
        return None
    subject, doer = _subject(r)
    if subject is None:
        return None
    activity = words.by_type(r, _ACCOUNT_TYPES, 0) or words.told(words.action(r), _ACCOUNT_WORDS, 99) or 99
    return Made(classes.ACCOUNT, activity, _with_origin(r, {"user": subject}, doer))


_GROUP_WORDS = (("remov revok delet", 4), ("add assign grant join", 3))
_GROUP_TYPES = (("creation", 6), ("deletion", 5))


def groups(r: Reading) -> Made | None:
    """group_management. What only lists members is none."""
    if not words.names(r, "event.type") & _CHANGES:
        return None
    subject = group(r, "user.target.group") or group(r, "group")
    if subject is None:
        return None
    member = user(r, "user.target", "user.effective")
    activity = words.by_type(r, _GROUP_TYPES, 0)
    if not activity:
        activity = words.told(words.action(r), _GROUP_WORDS, 99) if member or "member" in _all_words(r) else 99
    attributes: Object = {"group": subject}
    if member is not None:
        attributes["user"] = member
    return Made(classes.GROUP, activity, _with_origin(r, attributes, user(r, "user", "client.user", "source.user")))


def _all_words(r: Reading) -> set[str]:
    return {word.rstrip("s") for word in words.action(r)}


def sessions(r: Reading) -> Made | None:
    """authorize_session: privileges given to a new logon."""
    rights = windows.privileges(r)
    account = user(r, "user") if rights else None
    if account is None or not rights:
        return None
    attributes: Object = {"user": account, "privileges": rights}
    if (uid := r.take("winlog.logon.id", text)) is not None:
        attributes["session"] = {"uid": uid}
    return Made(classes.SESSION, 1, _with_origin(r, attributes, None))


def _with_origin(r: Reading, attributes: Object, doer: Object | None) -> Object:
    """Actor, source and request, where they are known."""
    if doer is not None:
        attributes["actor"] = {"user": doer}
    elif (program := process(r)) is not None:
        attributes["actor"] = {"process": program}
    if (source := endpoint(r, "source", "client")) is not None:
        attributes["src_endpoint"] = source
    request(r, attributes)
    return attributes
