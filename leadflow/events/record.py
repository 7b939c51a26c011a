"""The records of `plan.record`, for events, which are made by the hundred thousand too."""

from leadflow.plan.record import record

__all__ = ["record"]
