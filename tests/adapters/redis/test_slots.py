"""Which streams one command may read on a Redis Cluster, and in which order it takes several."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import UnfitServerError
from shared.adapters.redis.slots import reading_order, slot_of
from shared.messages.catalogue import BARS, CONTROL, DECIDED, EXECUTED, FEEDS, PAIRS, PROPOSED
from tests.cluster import running_cluster
from tests.examples import examples
from tests.keys import MAIN

Hourly, Daily = MAIN.of(BARS, "1h"), MAIN.of(BARS, "1d")
RISK = (MAIN.of(CONTROL), MAIN.of(EXECUTED), PAIRS.key, FEEDS.key, Hourly, Daily, MAIN.of(PROPOSED))


def test_streams_of_one_slot_are_read_together_and_the_home_slot_last() -> None:
    own = (MAIN.of(CONTROL), MAIN.of(EXECUTED), MAIN.of(PROPOSED))
    assert list(reading_order(RISK, MAIN.home)) == [(Daily,), (Hourly,), (FEEDS.key,), (PAIRS.key,), own]


def test_without_a_stream_at_home_the_first_one_is_waited_on() -> None:
    assert list(reading_order((Hourly, Daily), "{hs:signals}")) == [(Daily,), (Hourly,)]


def test_nothing_to_read_is_no_command() -> None:
    assert list(reading_order((), MAIN.home)) == []


@given(st.lists(st.sampled_from([*RISK, MAIN.of(DECIDED), "hs:{other}:control", "hs:signals"]), unique=True))
@examples(100)
def test_every_stream_is_read_once_with_those_of_its_slot(streams: list[str]) -> None:
    groups = reading_order(streams, MAIN.home)
    assert sorted(key for group in groups for key in group) == sorted(streams)
    slots = [{slot_of(key) for key in group} for group in groups]
    assert all(len(each) == 1 for each in slots)
    assert len(set.union(set(), *slots)) == len(groups)
    assert all(list(group) == [key for key in streams if key in group] for group in groups)


@pytest.mark.processes
async def test_a_cluster_of_several_shards_is_refused_with_the_reason(tmp_path: Path) -> None:
    with running_cluster(tmp_path, nodes=2) as server, pytest.raises(UnfitServerError, match="Cluster of 2 shards"):
        async with RedisBus.open(server.url, MAIN):
            pass


async def test_a_cluster_refuses_to_read_several_slots_at_once(cluster_bus: RedisBus) -> None:
    """This is what the order above is for: the tests on a cluster prove nothing on a server that would not refuse."""
    for stream in (Hourly, MAIN.of(PROPOSED)):
        await cluster_bus.client.xgroup_create(stream, "group", mkstream=True)
    with pytest.raises(ResponseError, match="same slot"):
        await cluster_bus.client.xreadgroup("group", "one", {Hourly: ">", MAIN.of(PROPOSED): ">"})
