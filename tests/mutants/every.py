"""Every mutant. What keeps money safe is taken out, in memory and on the server, one thing at a time."""

from tests.mutants.mutant import Mutant

LUA = "shared/adapters/redis/heatsink.lua"
MEMORY = "shared/adapters/memory_lease.py"
QUEUES = "tests/contracts/test_queues.py"
SERVER_QUEUES = "tests/adapters/redis/test_queues_on_a_server.py"
BUS = "tests/contracts/test_bus.py"
SEEDS = "tests/simulation/test_seeded_runs.py"
ORDERS = "tests/domain/execution/orders/test_order_life.py"
HOSTS = "tests/runtime/host"
REFUSALS = f"{HOSTS}/test_refusals.py"
DRAWN = f"{SEEDS}::test_whatever_the_seeds_draw_nothing_is_lost_or_done_twice_and_heat_stays_in_its_limit"

MUTANTS = (
    # --- the fence ----------------------------------------------------------------------------------------------------
    Mutant(
        "no fence (memory)",
        MEMORY,
        "        if self._epoch != self._state.epoch:\n",
        "        if self._epoch > self._state.epoch:\n",
        (f"{BUS}::test_a_writer_that_was_taken_over_is_fenced[memory]", DRAWN),
    ),
    Mutant(
        "no fence (server)",
        LUA,
        "  if meta[1] ~= plan.epoch then\n",
        "  if not meta[1] then\n",
        (f"{BUS}::test_a_writer_that_was_taken_over_is_fenced[redis]",),
    ),
    Mutant(
        "commits in any order (memory)",
        MEMORY,
        "        if commit.seq != state.seq + 1:\n",
        "        if commit.seq < 0:\n",
        (f"{BUS}::test_a_commit_out_of_sequence_is_refused[memory]", DRAWN),
    ),
    Mutant(
        "commits in any order (server)",
        LUA,
        "  if seq + 1 ~= tonumber(plan.seq) then\n",
        "  if tonumber(plan.seq) < 0 then\n",
        (f"{BUS}::test_a_commit_out_of_sequence_is_refused[redis]",),
    ),
    # --- each once ----------------------------------------------------------------------------------------------------
    Mutant(
        "no dedupe in the store (memory)",
        MEMORY,
        "        if stored:\n            raise AlreadyDecidedError",
        "        if None:\n            raise AlreadyDecidedError",
        (
            f"{BUS}::test_an_order_that_was_decided_before_gets_the_stored_decision_and_nothing_is_written[memory]",
            DRAWN,
        ),
    ),
    Mutant(
        "no dedupe in the store (server)",
        LUA,
        "  if #known > 1 then\n",
        "  if false then\n",
        (f"{BUS}::test_an_order_that_was_decided_before_gets_the_stored_decision_and_nothing_is_written[redis]",),
    ),
    Mutant(
        "no dedupe at the gate",
        "shared/domain/risk/gate/gate.py",
        "        if not self._decided.add(order.id, order):\n",
        "        if self._decided.add(order.id, order) is None:\n",
        (f"{HOSTS}/test_idempotency.py::test_a_proposal_written_twice_is_decided_once_and_answered_twice[memory]",),
    ),
    Mutant(
        "a trade that is heard twice is booked twice",
        "shared/domain/risk/machine.py",
        "        if self.fills.is_known(fill):\n",
        "        if fill is None:\n",
        (
            "tests/domain/risk/test_claims.py::test_a_trade_of_a_finished_order_that_comes_twice_is_a_repeat_and_halts_nothing",
        ),
    ),
    # --- the second look at heat --------------------------------------------------------------------------------------
    Mutant(
        "no second heat check (memory)",
        MEMORY,
        "        if check.risk_usdt > held and not check.open_usdt + after <= check.limit_usdt * HEAT_SLACK:\n",
        "        if check.risk_usdt < 0:\n",
        (f"{BUS}::test_the_store_itself_refuses_reserved_heat_over_the_limit[memory]", DRAWN),
    ),
    Mutant(
        "no second heat check (server)",
        LUA,
        "    if risk > held and not (open + total <= limit * 1.000000001) then\n",
        "    if risk < 0 then\n",
        (f"{BUS}::test_the_store_itself_refuses_reserved_heat_over_the_limit[redis]",),
    ),
    Mutant(
        "a gate that counts no reserved risk",
        "shared/domain/portfolio/heat.py",
        "        return self.open_risk + self.reserved_risk\n",
        "        return self.open_risk\n",
        (
            "tests/domain/risk/test_properties.py::test_no_approval_passes_any_limit_and_the_totals_kept_are_the_totals_summed",
        ),
    ),
    # --- what is stored is what was left ------------------------------------------------------------------------------
    Mutant(
        "no digest",
        "shared/runtime/host/recovery.py",
        "    if progress.digest != snapshot.digest:\n",
        "    if progress.digest < 0:\n",
        (f"{HOSTS}/test_host.py::test_records_that_somebody_touched_are_not_started_on", DRAWN),
    ),
    Mutant(
        "a store that went back is gone on with",
        "shared/ports/errors.py",
        "    if stored < seq - 1:\n",
        "    if stored < 0:\n",
        # Drawn runs hold even so: a gate whose commit is refused looks at its witness.
        (f"{BUS}::test_a_commit_after_one_that_the_store_has_not_says_that_the_store_went_back[memory]",),
    ),
    Mutant(
        "no witness: whatever the server has is gone on with",
        "shared/runtime/host/witnessing.py",
        "    if last.seq < seen.seq:\n",
        "    if last.seq < 0:\n",
        (f"{HOSTS}/test_witnessing.py::test_a_running_process_notices_at_its_next_renewal_and_at_its_next_commit",),
    ),
    # --- cursors and acknowledgements ---------------------------------------------------------------------------------
    Mutant(
        "late ack: cursors come after the commit (memory)",
        MEMORY,
        "        state.cursors.update(commit.cursors)\n",
        "        asyncio.get_running_loop().call_later(0.05, state.cursors.update, commit.cursors)\n",
        (
            f"{BUS}::test_a_commit_stores_everything_and_acknowledges_what_it_handled[memory]",
            DRAWN,
        ),
    ),
    Mutant(
        "late ack: no cursors in the commit (server)",
        LUA,
        "  write_rows(keys[2], plan.cursors)\n",
        "",
        (f"{BUS}::test_a_commit_stores_everything_and_acknowledges_what_it_handled[redis]",),
    ),
    Mutant(
        "early ack: handled before it is decided",
        "shared/runtime/host/step.py",
        "        entries = await self.lease.read(self.inbox.wait_ms(wait_ms))\n",
        "        entries = await self.lease.read(self.inbox.wait_ms(wait_ms))\n"
        "        self._progress.advance(entries)\n",
        (f"{HOSTS}/test_host.py::test_every_proposal_gets_one_decision[memory]", DRAWN),
    ),
    Mutant(
        "what an earlier holder left pending is passed over",
        "shared/runtime/host/step.py",
        "        pending = await self.lease.pending()\n",
        "        await self.lease.pending()\n        pending: Sequence[Entry] = ()\n",
        (f"{HOSTS}/test_host.py::test_a_process_that_dies_before_its_commit_leaves_the_proposal_for_the_next[memory]",),
    ),
    # --- streams that are shortened -----------------------------------------------------------------------------------
    Mutant(
        "trim without a cursor (memory)",
        "shared/adapters/memory_server.py",
        "        for machine in readers:\n",
        "        for machine in readers[:0]:\n",
        (f"{QUEUES}::test_nothing_is_trimmed_that_a_paused_reader_has_not_taken[memory]", DRAWN),
    ),
    Mutant(
        "trim without a cursor (server)",
        LUA,
        "  return redis.call('XTRIM', key, 'MINID', '~', needed, 'LIMIT', spare)\n",
        "  return redis.call('XTRIM', key, 'MAXLEN', keep)\n",
        (f"{QUEUES}::test_nothing_is_trimmed_that_a_paused_reader_has_not_taken[redis]",),
    ),
    Mutant(
        "a gap that nobody tells of (memory)",
        MEMORY,
        "    def _new_entries(self) -> list[Entry]:\n        self._check_gaps()\n",
        "    def _new_entries(self) -> list[Entry]:\n",
        (f"{QUEUES}::test_nothing_behind_a_gap_is_given_out_before_it_was_told_of[memory]", DRAWN),
    ),
    Mutant(
        "a gap that nobody tells of (server)",
        "shared/adapters/redis/group_reader.py",
        "        if given == known + 1 or (",
        "        if given or (",
        (f"{QUEUES}::test_nothing_behind_a_gap_is_given_out_before_it_was_told_of[redis]",),
    ),
    Mutant(
        "books are opened on fills that were trimmed",
        "shared/runtime/host/recovery.py",
        "        if stream in spec.vital:\n",
        "        if stream is None:\n",
        (
            f"{HOSTS}/test_takeover.py::test_books_are_not_opened_on_fills_that_were_trimmed_before_they_were_booked",
            DRAWN,
        ),
    ),
    # --- repeats and letters ------------------------------------------------------------------------------------------
    Mutant(
        "a repeat is one for ever once it was one",
        LUA,
        " and redis.pcall('GET', home .. ':decision:' .. known.id) == known.decision and known.decision",
        " and known.decision",
        (
            f"{SERVER_QUEUES}::test_a_repeat_is_one_no_more_once_its_decision_is_gone",
            f"{SERVER_QUEUES}::test_a_repeat_gets_the_decision_that_stands_now",
        ),
    ),
    Mutant(
        "what one client repeats is every client's",
        LUA,
        "local function repeats_known(key, body, home)\n  local known = repeated[key] and repeated[key][body]\n",
        "local function repeats_known(key, body, home)\n  local known\n"
        "  for _, of in pairs(repeated) do\n    known = known or of[body]\n  end\n",
        (f"{SERVER_QUEUES}::test_what_one_client_repeats_is_not_answered_to_another",),
    ),
    Mutant(
        "what has no place on the dead stream is passed over in silence",
        "shared/runtime/host/step.py",
        "        if not are_put:\n",
        "        if not self:\n",
        (f"{REFUSALS}::test_a_refusal_that_has_no_place_stops_no_commit_and_is_logged",),
    ),
    Mutant(
        "letters go with a commit that may have none",
        "shared/runtime/host/step.py",
        "        if self.set_aside.has_to_tell or not self.lease.takes_letters:\n",
        "        if self.set_aside.has_to_tell:\n",
        (f"{REFUSALS}::test_a_refusal_stands_on_the_dead_stream_as_soon_as_the_entry_counts_as_handled",),
    ),
    # --- claims and stops ---------------------------------------------------------------------------------------------
    Mutant(
        "any fill is believed",
        "shared/domain/risk/machine.py",
        "        if refusals := self.fills.refuse(claim):\n            return refusals\n",
        "",
        (
            "tests/domain/risk/test_claims.py::test_a_fill_of_an_order_that_nobody_approved_moves_no_money_and_halts_its_pair",
            DRAWN,
        ),
    ),
    Mutant(
        "a raised stop moves whatever is held by then",
        "shared/domain/execution/orders/manager.py",
        '        if approved.stop_order_id not in ("", stop_order_id(',
        "        if None in (approved.stop_order_id, stop_order_id(",
        (f"{ORDERS}::test_a_stop_that_was_raised_for_a_position_sold_since_does_not_move_the_next_ones",),
    ),
)
