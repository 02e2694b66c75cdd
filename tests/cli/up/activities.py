"""Runs in which something happened, for the screens."""

from services.cli.up.supervisor import Supervisor
from shared.application.monitor import Activity
from tests.samples import samples


def idle_supervisor() -> Supervisor:
    return Supervisor(lambda _name, _line: None, lambda _event: None)


def activity_of_samples() -> Activity:
    activity = Activity(began=100.0)
    for message in samples():
        activity.take(message, now=103.5)
    return activity
