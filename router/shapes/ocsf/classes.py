"""The event classes that documents become: numbers, names and activities, as OCSF 1.8.0 has them."""

from collections.abc import Callable
from typing import NamedTuple

from router.shapes.ocsf.objects import Object
from router.shapes.reading import Reading


class Class(NamedTuple):
    """One class. Activities 0 (Unknown) and 99 (Other) are in all of them."""

    uid: int
    caption: str
    activities: dict[int, str]

    @property
    def category(self) -> int:
        """Classes of an extension (201001) lie in the category of the thousands below."""
        return self.uid // 1000 % 100


CATEGORIES = {
    0: "Uncategorized",
    1: "System Activity",
    2: "Findings",
    3: "Identity & Access Management",
    4: "Network Activity",
    5: "Discovery",
    6: "Application Activity",
}
UNKNOWN, OTHER = 0, 99

Build = Callable[[Reading], "Made | None"]
"""A class's own part of an event; None when what it requires is not known."""


class Made(NamedTuple):
    """An activity and the attributes beside the common ones."""

    of: Class
    activity: int
    attributes: Object


BASE = Class(0, "Base Event", {})
FILE = Class(
    1001,
    "File System Activity",
    {
        1: "Create",
        2: "Read",
        3: "Update",
        4: "Delete",
        5: "Rename",
        6: "Set Attributes",
        7: "Set Security",
        8: "Get Attributes",
        12: "Mount",
        13: "Unmount",
        14: "Open",
    },
)
KERNEL_EXTENSION = Class(1002, "Kernel Extension Activity", {1: "Load", 2: "Unload"})
MODULE = Class(1005, "Module Activity", {1: "Load", 2: "Unload", 3: "Invoke"})
JOB = Class(1006, "Scheduled Job Activity", {1: "Create", 2: "Update", 3: "Delete", 4: "Enable", 5: "Disable", 6: "Start"})
PROCESS = Class(1007, "Process Activity", {1: "Launch", 2: "Terminate", 3: "Open", 4: "Inject", 5: "Set User ID"})
EVENT_LOG = Class(1008, "Event Log Activity", {1: "Clear", 2: "Delete", 3: "Export", 6: "Start", 7: "Stop"})
SCRIPT = Class(1009, "Script Activity", {1: "Execute"})
DETECTION = Class(2004, "Detection Finding", {1: "Create", 2: "Update", 3: "Close"})
ACCOUNT = Class(
    3001,
    "Account Change",
    {
        1: "Create",
        2: "Enable",
        3: "Password Change",
        4: "Password Reset",
        5: "Disable",
        6: "Delete",
        7: "Attach Policy",
        8: "Detach Policy",
        9: "Lock",
        10: "MFA Factor Enable",
        11: "MFA Factor Disable",
        12: "Unlock",
    },
)
AUTHENTICATION = Class(
    3002,
    "Authentication",
    {
        1: "Logon",
        2: "Logoff",
        3: "Authentication Ticket",
        4: "Service Ticket Request",
        5: "Service Ticket Renew",
        6: "Preauth",
        7: "Account Switch",
    },
)
SESSION = Class(3003, "Authorize Session", {1: "Assign Privileges", 2: "Assign Groups"})
GROUP = Class(
    3006,
    "Group Management",
    {
        1: "Assign Privileges",
        2: "Revoke Privileges",
        3: "Add User",
        4: "Remove User",
        5: "Delete",
        6: "Create",
        7: "Add Subgroup",
        8: "Remove Subgroup",
    },
)
NETWORK = Class(
    4001,
    "Network Activity",
    {1: "Open", 2: "Close", 3: "Reset", 4: "Fail", 5: "Refuse", 6: "Traffic", 7: "Listen"},
)
HTTP = Class(
    4002,
    "HTTP Activity",
    {1: "Connect", 2: "Delete", 3: "Get", 4: "Head", 5: "Options", 6: "Post", 7: "Put", 8: "Trace", 9: "Patch"},
)
DNS = Class(4003, "DNS Activity", {1: "Query", 2: "Response", 6: "Traffic"})
DHCP = Class(
    4004,
    "DHCP Activity",
    {1: "Discover", 2: "Offer", 3: "Request", 4: "Decline", 5: "Ack", 6: "Nak", 7: "Release", 8: "Inform", 9: "Expire"},
)
EMAIL = Class(4009, "Email Activity", {1: "Send", 2: "Receive", 3: "Scan", 4: "Trace", 5: "MTA Relay"})
LIFECYCLE = Class(
    6002,
    "Application Lifecycle",
    {1: "Install", 2: "Remove", 3: "Start", 4: "Stop", 5: "Restart", 6: "Enable", 7: "Disable", 8: "Update"},
)
API = Class(6003, "API Activity", {1: "Create", 2: "Read", 3: "Update", 4: "Delete"})
REGISTRY_KEY = Class(
    201001,
    "Registry Key Activity",
    {1: "Create", 2: "Read", 3: "Modify", 4: "Delete", 5: "Rename", 6: "Set Security", 7: "Restore", 8: "Import", 9: "Export"},
)
REGISTRY_VALUE = Class(201002, "Registry Value Activity", {1: "Get", 2: "Set", 3: "Modify", 4: "Delete"})
SERVICE = Class(
    201004,
    "Windows Service Activity",
    {1: "Create", 2: "Reconfigure", 3: "Start", 4: "Stop", 5: "Pause", 6: "Continue", 7: "Delete"},
)

ALL = (
    BASE,
    FILE,
    KERNEL_EXTENSION,
    MODULE,
    JOB,
    PROCESS,
    EVENT_LOG,
    SCRIPT,
    DETECTION,
    ACCOUNT,
    AUTHENTICATION,
    SESSION,
    GROUP,
    NETWORK,
    HTTP,
    DNS,
    DHCP,
    EMAIL,
    LIFECYCLE,
    API,
    REGISTRY_KEY,
    REGISTRY_VALUE,
    SERVICE,
)
