"""The whole stack under faults that seeds draw: what holds in every run, and that every kind of fault happened."""

import subprocess
import sys
from collections import Counter

import pytest

from tests.simulation.seeded.__main__ import Came, came_of, words_of
from tests.simulation.seeded.chance import EVERY_KIND
from tests.simulation.seeded.run import simulate

SEEDS = 200
ENOUGH = 3
# What has to come of the faults, or they proved nothing: each is met at least once.
HAS_TO_COME = (
    *EVERY_KIND,
    "store_truncated_noticed",
    "replica_stale_noticed",
    "record_tampered_noticed",
    "fills_taken_out_noticed",
    "log_entries_lost",
    "proposals_gone",
    "trimmed",
    "crash_before_commit",
    "crash_after_commit",
    "reply_lost_of_commit",
    "reply_lost_of_read",
    "commit_met_FencedError",  # an old writer woke up
    "commit_met_AlreadyDecidedError",  # the store knew an order that the gate had forgotten
    "commit_met_ContentRefusedError",  # the store's own sum kept heat in its limit
    "doubled_request_met_CommitRefusedError",
    "ended_by_FencedError",
    "started_over_by_BusLostError",
    "started_over_by_StartOverError",
    "log_entry_set_aside",
    "log_halted",
    "log_limits_changed",
    "bought_by_approve",
    "bought_by_trim",
    "client_sent_again",
    "proposed_by_publish",
    "repeated",
    "another_order_under_an_id",
    "cancelled",
    "stop_raised",
    "commanded",
)


def check(seeds: range) -> Counter[str]:
    """Run them; returns what happened. The first few failures are enough."""
    told: Counter[str] = Counter()
    failed: list[str] = []
    for came in map(came_of, seeds):
        told.update(came.told)
        if came.fault:
            failed.append(words_of(came))
        if len(failed) == ENOUGH:
            break
    assert not failed, "\n".join(failed)
    return told


@pytest.mark.long
def test_whatever_the_seeds_draw_nothing_is_lost_or_done_twice_and_heat_stays_in_its_limit() -> None:
    told = check(range(SEEDS))
    assert {kind: told[kind] for kind in HAS_TO_COME if not told[kind]} == {}


def test_a_few_seeds_hold() -> None:
    assert check(range(SEEDS, SEEDS + 8))["commits"] > 100


def test_a_seed_repeats_itself_to_the_last_byte() -> None:
    for seed in (3, 14, 15):
        assert simulate(seed) == simulate(seed)


@pytest.mark.processes
def test_a_seed_is_the_same_in_another_process_that_hashes_otherwise() -> None:
    command = ("-m", "tests.simulation.seeded", "--seed", "5", "--runs", "6", "--fingerprints")
    told = [
        subprocess.run(
            ("env", f"PYTHONHASHSEED={salt}", sys.executable, *command), check=True, capture_output=True
        ).stdout
        for salt in ("1", "2")
    ]
    assert told[0] == told[1]
    assert told[0].decode().split()[1] == simulate(5).fingerprint


def test_a_failure_names_the_command_that_repeats_it() -> None:
    words = words_of(Came(7, {}, "", "ViolationError: order ben-buy-4 was decided twice"))
    assert "order ben-buy-4 was decided twice" in words
    assert "make simulate SEED=7 RUNS=1" in words
