"""Which connection makes room for which, without a socket."""

from types import SimpleNamespace
from typing import cast

from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.http_server.bounds import Bounds
from shared.adapters.http_server.connections import Connections
from tests.examples import examples

BOUNDS = Bounds(connections=4, a_peer=3)


class Line:
    """One end of a connection that only knows whether it was cut."""

    def __init__(self, connections: Connections, peer: str = "a") -> None:
        self.peer, self.is_cut = peer, False
        self.transport = SimpleNamespace(abort=self._cut)
        self.is_in = connections.admit(self.handler, peer)

    @property
    def handler(self) -> web.RequestHandler:
        return cast("web.RequestHandler", self)

    def _cut(self) -> None:
        self.is_cut = True


def test_of_those_of_one_peer_the_one_that_waited_longest_makes_room() -> None:
    connections = Connections(BOUNDS)
    first, second, third = (Line(connections) for _ in range(3))
    with connections.working(first.handler):
        assert Line(connections).is_in
        assert (first.is_cut, second.is_cut, third.is_cut) == (False, True, False)
    assert Line(connections).is_in
    assert (first.is_cut, third.is_cut) == (False, True)  # it was answered since, and waits behind the others
    assert (connections.displaced, connections.refused, len(connections)) == (2, 0, 3)


def test_in_all_the_peer_with_most_that_wait_makes_room() -> None:
    connections = Connections(BOUNDS)
    other = Line(connections, "b")
    many = [Line(connections) for _ in range(3)]
    assert Line(connections, "c").is_in
    assert many[0].is_cut
    assert not other.is_cut


def test_nobody_who_is_being_answered_is_cut() -> None:
    connections = Connections(BOUNDS)
    lines = [Line(connections) for _ in range(3)]
    with connections.working(lines[0].handler), connections.working(lines[1].handler):
        with connections.working(lines[2].handler):
            assert not Line(connections).is_in
        assert not any(line.is_cut for line in lines)
    assert (connections.displaced, connections.refused) == (0, 1)


def test_who_was_gone_before_anybody_asked_for_its_address_is_forgotten_like_others() -> None:
    connections = Connections(BOUNDS)
    for _ in range(2 * BOUNDS.connections):
        line = Line(connections, "")
        assert line.is_in
        connections.forget(line.handler)
    assert (len(connections), connections.refused) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("cwe"), st.sampled_from("abc"), st.integers(0, 5)), max_size=60))
@examples(200)
def test_no_bound_is_passed_and_every_connection_is_counted_once(steps: list[tuple[str, str, int]]) -> None:
    connections, alive = Connections(BOUNDS), list[Line]()
    came = gone = 0
    for step, peer, number in steps:
        if step == "c":
            came += 1
            line = Line(connections, peer)
            alive += [line] if line.is_in else []
        elif alive:
            line = alive[number % len(alive)]
            if step == "w":
                with connections.working(line.handler):
                    pass
            else:
                connections.forget(line.handler)
                connections.forget(line.handler)
                alive.remove(line)
                gone += 1
        alive = [line for line in alive if not line.is_cut]
        assert len(connections) == len(alive) <= BOUNDS.connections
        assert all(sum(line.peer == each for line in alive) <= BOUNDS.a_peer for each in "abc")
    assert came == len(alive) + gone + connections.displaced + connections.refused
