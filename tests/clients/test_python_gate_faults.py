"""The Python client while servers and gates die: what is unknown is never taken for a rejection, nor decided twice."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
from heatsink_client import Gate, UnreachableError, Verdict

from tests.clients.gate_harness import RunningGate, running_gate
from tests.e2e.cutting_proxy import CuttingProxy

pytestmark = pytest.mark.processes

T = TypeVar("T")
LONG = 60.0


def order(gate: Gate, name: str, timeout: float = LONG) -> Verdict:
    return gate.propose("BTC/USDT", "buy", "0.5", stop_price=99, id=name, timeout=timeout)


def meanwhile(done: Callable[[], T], *steps: Callable[[], object]) -> T:
    """What a call brings, while the steps are taken beside it, one after the other."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(done)
        for step in steps:
            step()
        return waiting.result(LONG)


def verdicts_on(running: RunningGate, name: str) -> list[str]:
    return [each.verdict for each in running.decisions() if getattr(each, "order_id", "") == name]


@contextmanager
def proxied(running: RunningGate, marker: bytes) -> Iterator[CuttingProxy]:
    """A proxy in front of the server, which runs in a thread of its own."""
    proxy, ready, done = CuttingProxy(running.port, marker=marker), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with proxy.running():
            ready.set()
            await done.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:  # of connections that are open still
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(LONG)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def test_a_server_that_is_killed_between_proposal_and_verdict_costs_neither(tmp_path: Path) -> None:
    with running_gate(tmp_path) as running, Gate(running.url) as gate:
        running.kill("risk")
        verdict = meanwhile(
            lambda: order(gate, "mine-1"),
            running.until_proposed,
            running.kill_server,
            running.start_server,
            lambda: running.start("risk"),
        )
        assert verdict
        assert verdicts_on(running, "mine-1") == ["approve"]


def test_a_gate_that_is_killed_is_unknown_until_another_one_decides(tmp_path: Path) -> None:
    with running_gate(tmp_path) as running, Gate(running.url) as gate:
        assert order(gate, "before-1")
        running.kill("risk")
        verdict = order(gate, "mine-1", timeout=0.3)
        assert not verdict
        assert (verdict.verdict, verdict.is_known, verdict.arrived) == ("unknown", False, "yes")
        assert "risk service" in verdict.reason
        later = gate.verdict_of("mine-1")
        assert (later.verdict, later.arrived) == ("unknown", "yes")
        assert not gate.room("BTC/USDT", timeout=0.3).is_known
        cancelled = gate.cancel("before-1", timeout=0.3)
        assert (cancelled.outcome, cancelled.arrived) == ("unknown", "yes")

        running.start("risk")
        assert order(gate, "mine-1"), "the same id once more brings the verdict"
        assert gate.verdict_of("mine-1").verdict == "approve"
        assert verdicts_on(running, "mine-1") == ["approve"]
        assert gate.cancel("before-1").is_known


def test_a_bot_that_was_killed_finds_the_verdict_of_its_order(tmp_path: Path) -> None:
    with running_gate(tmp_path) as running:
        with Gate(running.url) as gate:
            verdict = order(gate, "mine-1")
        with Gate(running.url) as another:
            assert another.verdict_of("mine-1") == verdict
            assert order(another, "mine-1") == verdict
            unheard = another.verdict_of("mine-2")
            assert (unheard.verdict, unheard.arrived) == ("unknown", "no")


def test_without_a_server_an_order_is_unknown_and_certainly_did_not_arrive(tmp_path: Path) -> None:
    with running_gate(tmp_path) as running, Gate(running.url) as gate:
        running.kill("risk")
        running.kill_server()
        verdict = order(gate, "mine-1", timeout=0.3)
        assert (verdict.verdict, verdict.arrived) == ("unknown", "no")
        assert "did not answer" in verdict.reason
        impatient = Gate(running.url, timeout=0.1)
        for ask in (impatient.portfolio, impatient.halts, impatient.sizes, lambda: impatient.verdict_of("mine-1")):
            with pytest.raises(UnreachableError):
                ask()
        assert not gate.room("BTC/USDT", timeout=0.3)
        assert gate.cancel("mine-1", timeout=0.3).arrived == "no"


def test_an_order_whose_reply_was_lost_is_sent_again_and_decided_once(tmp_path: Path) -> None:
    with running_gate(tmp_path) as running, proxied(running, b"hs_propose") as proxy, Gate(proxy.url) as gate:
        proxy.cut_next = 1
        verdict = order(gate, "mine-1")
        assert verdict
        assert proxy.cuts == 1
        assert verdicts_on(running, "mine-1") == ["approve"]
        assert 1 <= running.proposed() <= 2, "the Redis client repeats nothing by itself"


def test_a_cancel_whose_reply_was_lost_is_told_as_taken(tmp_path: Path) -> None:
    """Sent again, it meets an order that is not open any more: its own first answer counts."""
    with running_gate(tmp_path) as running, proxied(running, b"CancelProposed") as proxy, Gate(proxy.url) as gate:
        assert gate.propose("BTC/USDT", "buy", "0.5", stop_price="80", limit_price="90", id="rests-1")
        proxy.cut_next = 1
        assert gate.cancel("rests-1", timeout=LONG)
        assert proxy.cuts == 1


def test_a_follower_goes_on_over_a_killed_server(tmp_path: Path) -> None:
    with running_gate(tmp_path) as running, Gate(running.url) as gate:
        heard: list[str] = []

        def follow() -> list[str]:
            for entry in gate.follow("decided", after="start", patience=LONG):
                heard.append(entry.message.cause)
                if len(heard) == 2:
                    break
            return heard

        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(follow)
            order(gate, "mine-1")
            running.kill_server()
            running.start_server()
            assert order(gate, "mine-2")
            assert following.result(LONG) == ["mine-1", "mine-2"]
