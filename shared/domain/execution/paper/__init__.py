"""The paper exchange: approved orders fill here against live marks and closed bars, and cost what they would cost.

``machine`` is the machine around it, ``venue`` decides at which price an order trades. ``prices`` is spread, slippage
and fee, ``triggers`` whether a mark or a bar reaches a stop or a limit, ``market`` what is known of prices and depth.
"""
