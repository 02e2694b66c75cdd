"""``make bench``: every figure as a ratio against a yardstick measured in the same run, where there is one."""

from tests.bench import backtest, burst, clients, decision, hostile, redis_path

for bench in (decision, redis_path, clients, hostile, burst, backtest):
    bench.report()
    print()
