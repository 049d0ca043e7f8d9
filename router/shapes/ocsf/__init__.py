"""ECS to OCSF 1.8.0: the class is chosen by what happened, and only one whose required parts are known.

Open Cybersecurity Schema Framework 1.8.0: base event, categories 1-6, the Windows extension, and the profiles cloud, host and
security_control.
"""

from router.shapes.ocsf.event import VERSION, derive

__all__ = ["VERSION", "derive"]
