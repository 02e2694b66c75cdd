"""``make bench``: every figure as a ratio against a yardstick measured in the same run, where there is one."""

from tests.bench import backtest, burst, clients, decision, redis_path

for bench in (decision, redis_path, clients, burst, backtest):
    bench.report()
    print()
