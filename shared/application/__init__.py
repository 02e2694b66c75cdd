"""All that can be done with a running stack, for every front end: the command line, an HTTP API, a dashboard, a bot.

Plain async functions that return structs, without a word about terminals. ``stack`` finds a stack and opens the way to
it; every other function takes the ``StackLocator`` that it gives.

    stack = find_stack(redis_url=None, config_dir=None, data_dir=DATA_DIR)
    status = await read_status(stack)
    answers = await send_halt(stack, "ETH/USDT", who="ana", reason="odd prices", minutes=30)

to look: ``status`` (with sizes), ``orders``, ``limits``, ``phase``, ``questions`` (what-if), ``tail``, ``monitor``.
to act: ``commands`` (halt, resume, flatten, write off, import), ``limits``, ``phase``. ``write_offs`` looks before one
is asked for.
below them: ``projection``, the one fold of messages into what holds now.
beside them: ``pairs``, ``position_files`` and ``errors`` for what people type, ``exchange_reach``, and ``wording``,
which turns structs into text.
"""
