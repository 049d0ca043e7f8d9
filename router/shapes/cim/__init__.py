"""ECS to the Splunk Common Information Model: flat fields by data model, and the tags that the models search by."""

from router.shapes.cim.event import derive

__all__ = ["derive"]
