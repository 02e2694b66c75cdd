#!/usr/bin/env bash
# The whole stack in containers, for real: it decides, and goes on deciding after a service and the server were killed;
# order books are recorded meanwhile.
#
#   bash tests/deploy/stack_test.sh    # needs a container engine and Compose, in either of its forms; otherwise skips
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly WAIT_SECONDS=60
readonly DECIDED='hs:{main}:orders:decided'
export HEATSINK_SIMULATOR__SPEED=600 # ten market minutes a second: every second or so a bar that calls for decisions
export HEATSINK_OPS__PORT=0          # any free port
export COMPOSE_PROFILES=books        # with the visitor who records order books

say() { printf 'stack-test: %s\n' "$*"; }
skip() { say "skipped, $*"; exit 0; }

docker info >/dev/null 2>&1 || skip "no container engine answers"
if docker compose version >/dev/null 2>&1; then
  tool=(docker compose)
elif command -v docker-compose >/dev/null; then
  tool=(docker-compose)
else
  skip "neither docker compose nor docker-compose is here"
fi
compose() { "${tool[@]}" --project-name "heatsink-stack-test-$$" "$@" </dev/null; }

ended() {
  local code=$?
  if [ "$code" != 0 ]; then
    compose ps || true
    compose logs --no-color --tail 40 || true
    say "failed"
  fi
  compose down --volumes --timeout 5 >/dev/null 2>&1 || true
}
trap ended EXIT

# Nothing while the server still loads its data and says so instead of a number.
stream_length() {
  [ -n "${password:=$(compose run --rm -T --no-deps users cat /users/owner/owner 2>/dev/null)}" ]
  compose exec -T -e REDISCLI_AUTH="$password" valkey valkey-cli --user owner --raw XLEN "$1" 2>/dev/null |
    grep -E '^[0-9]+$' || true
}
# people USER VERB...: the command line, signed in as this user. refused COMMAND...: the server must not allow it.
people() { local user=$1; shift; compose run --rm -T --no-deps "$user" "$@" 2>&1; }
refused() { local told; told=$("$@" 2>&1) && return 1; printf '%s' "$told" | grep -q 'The server refuses'; }
healthy() { curl --silent --fail --max-time 3 "http://$(compose port ops 9090)/healthz" >/dev/null; }
decided_more_than() { local now; now=$(stream_length "$DECIDED"); [ "${now:-0}" -gt "$1" ]; }
restarts() { docker inspect --format '{{.RestartCount}}' "$(compose ps -q "$1")"; }
restarted() { [ "$(restarts "$1")" -ge 1 ]; }
# The first child of the container's init is its service.
kill_inside() { compose exec -T "$1" sh -c 'kill -9 "$(cut -d " " -f 1 /proc/1/task/1/children)"'; }
# quietly COMMAND...: its output only when it fails.
quietly() { local output; output=$("$@" 2>&1) || { printf '%s\n' "$output"; return 1; }; }

# within WHAT COMMAND...: until the command succeeds, at most WAIT_SECONDS.
within() {
  local what=$1 begun=$SECONDS
  shift
  until "$@"; do
    if [ $((SECONDS - begun)) -ge "$WAIT_SECONDS" ]; then
      say "not within $WAIT_SECONDS s: $what"
      return 1
    fi
    sleep 0.5
  done
  say "$what after $((SECONDS - begun)) s"
}

say "building the image"
quietly compose build ops
quietly compose up --detach --no-build
within "a decision" decided_more_than 0
within "a healthy stack" healthy
compose exec -T ops python -m services.cli status

compose exec -T valkey valkey-cli ping | grep -q NOAUTH || { say "the server lets in who gives no name"; exit 1; }
people client url | grep -q '^redis://main.client:.*@valkey:6379/0' || { say "no address for a client"; exit 1; }
refused people client halt || { say "a client may halt"; exit 1; }
refused compose exec -T ops python -m services.cli halt || { say "ops may halt"; exit 1; }
people operator halt ETH --minutes 1 --reason drill
told=$(people operator doctor) || true
printf '%s' "$told" | grep -q 'signed in as main.operator; who gives no name is not let in' || { say "$told"; exit 1; }
for service in sizing risk execution ops signals market_data exchange_sim; do
  [ "$(compose exec -T "$service" sh -c 'ls /users/*' | wc -l)" = 1 ] || { say "$service has other passwords than its own"; exit 1; }
done
say "users: each has its own password, a client and ops may not command, an operator may"

for victim in risk valkey; do
  before=$(stream_length "$DECIDED")
  kill_inside "$victim"
  within "$victim killed and started again" restarted "$victim"
  within "more than the $before decisions there were" decided_more_than "$before"
  within "a healthy stack" healthy
done
compose stop --timeout 20 record_books >/dev/null 2>&1
# shellcheck disable=SC2016 # the container's shell counts
recorded=$(compose run --rm -T --no-deps record_books sh -c 'find /store -name "*.parquet" | wc -l' | tail -1)
[ "${recorded:-0}" -gt 10 ] || { say "order books of $recorded pairs were recorded"; exit 1; }
say "order books of $recorded pairs recorded"
say "passed: $(stream_length 'hs:{main}:sizes') sizes, $(stream_length "$DECIDED") decisions, risk and the server killed once each"
