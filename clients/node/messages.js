// Every message on the wire, and the keys of all topics. Written by `make client-messages`: do not edit.

export const TOPICS = {
  "bars": { key: 'hs:bars:<timeframe>', durable: true },
  "marks": { key: 'hs:marks', durable: false },
  "books": { key: 'hs:books', durable: false },
  "pairs": { key: 'hs:pairs', durable: true },
  "feeds": { key: 'hs:feeds', durable: true },
  "signals": { key: 'hs:signals', durable: true },
  "sizes": { key: 'hs:{P}:sizes', durable: true },
  "proposed": { key: 'hs:{P}:orders:proposed', durable: true, clientKey: 'hs:{P}:clients:<client>' },
  "decided": { key: 'hs:{P}:orders:decided', durable: true },
  "executed": { key: 'hs:{P}:orders:executed', durable: true },
  "reported": { key: 'hs:{P}:orders:reported', durable: true, clientKey: 'hs:{P}:reports:<client>' },
  "portfolio": { key: 'hs:{P}:portfolio', durable: true },
  "halts": { key: 'hs:{P}:halts', durable: true },
  "audit": { key: 'hs:{P}:audit', durable: true },
  "control": { key: 'hs:{P}:control', durable: true },
  "ask": { key: 'hs:{P}:ask', durable: false },
  "answers": { key: 'hs:{P}:answers', durable: false },
  "dead": { key: 'hs:dead', durable: true },
  "set-aside": { key: 'hs:set-aside', durable: true },
}

// What reading a type takes: its nanoseconds, its parts, the defaults of what an older writer left out.
export const KINDS = {
  CeilingReport: {
    nanoseconds: [],
    parts: {},
    defaults: { reason: "", code: "" },
  },
  Shortfall: {
    nanoseconds: [],
    parts: {},
    defaults: { filter: "", least: "0", worth_usdt: "0" },
  },
  PositionMarked: {
    nanoseconds: [],
    parts: {},
    defaults: {  },
  },
  BookedPosition: {
    nanoseconds: [],
    parts: {},
    defaults: {  },
  },
  PositionToImport: {
    nanoseconds: [],
    parts: {},
    defaults: { cost: null, stop: null },
  },
  Room: {
    nanoseconds: [],
    parts: {"ceilings": "CeilingReport", "shortfall": "Shortfall"},
    defaults: { price: 0.0, code: "", shortfall: null },
  },
  ImportRow: {
    nanoseconds: [],
    parts: {},
    defaults: { fault: "" },
  },
  BarClosed: {
    nanoseconds: ["time_ns", "open_time_ns", "close_time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, trades: 0, backfilled: false, hole_before: 0 },
  },
  MarkChanged: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, bid: 0.0, ask: 0.0 },
  },
  BookSampled: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, samples: 1 },
  },
  PairListed: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, price_step: "0.01", quantity_step: "0.00001", min_quantity: "0", max_quantity: "0", min_notional: "0", formerly: "", ratio: "1", reason: "", min_price: "0", max_price: "0", market_quantity_step: "0", market_min_quantity: "0", market_max_quantity: "0", max_notional: "0", min_notional_at_market: true, max_notional_at_market: false, bid_multiplier_up: "0", bid_multiplier_down: "0", ask_multiplier_up: "0", ask_multiplier_down: "0" },
  },
  FeedLost: {
    nanoseconds: ["time_ns", "last_seen_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", last_seen_ns: 0n, reason: "" },
  },
  FeedRestored: {
    nanoseconds: ["time_ns", "outage_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", outage_ns: 0n },
  },
  SignalRaised: {
    nanoseconds: ["time_ns", "expires_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, timeframe: "", expires_ns: 0n },
  },
  PositionSized: {
    nanoseconds: ["time_ns", "bar_open_time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  OrderProposed: {
    nanoseconds: ["time_ns", "expires_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, portfolio: "", order_type: "market", limit_price: null, stop_price: null, strategy: "external", reduce_only: false, expires_ns: 0n, client: "" },
  },
  StopRaised: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, portfolio: "", client: "" },
  },
  CancelProposed: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, portfolio: "", reason: "", client: "" },
  },
  OrderDecided: {
    nanoseconds: ["time_ns", "expires_ns"],
    parts: {"ceilings": "CeilingReport", "shortfall": "Shortfall"},
    defaults: { cause: "", trace: "", v: 1, order_type: "market", limit_price: null, stop_price: null, strategy: "external", reduce_only: false, expires_ns: 0n, phase: "", code: "", shortfall: null, client: "" },
  },
  StopApproved: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, reason: "", stop_order_id: "" },
  },
  CancelDecided: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, reason: "", written_off: false },
  },
  WriteOffDecided: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, reason: "" },
  },
  ImportDecided: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, client: "", reason: "" },
  },
  ProposalRefused: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, source: "", entry: "", unanswered: 0 },
  },
  OrderPlaced: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, price: null, venue_order_id: "" },
  },
  OrderFilled: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, stop_price: null, liquidity: "taker", stop: null, touch: null },
  },
  OrderClosed: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, reason: "" },
  },
  StopPlaced: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  ReportAwaited: {
    nanoseconds: ["time_ns", "due_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, stop_price: null, reason: "", overdue: false },
  },
  ReportRefused: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, trade_id: "", halts: false, source: "", entry: "", unanswered: 0, client: "" },
  },
  PlacedReported: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, client: "", price: null, venue_order_id: "" },
  },
  FillReported: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, client: "", liquidity: "taker", stop: false },
  },
  ClosedReported: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, client: "", reason: "" },
  },
  StopReported: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, client: "", working: true, venue_order_id: "" },
  },
  PortfolioMarked: {
    nanoseconds: ["time_ns", "phase_since_ns"],
    parts: {"positions": "PositionMarked"},
    defaults: { cause: "", trace: "", v: 1, open_orders: 0, phase_since_ns: 0n, phase_drawdown: 0.0, phase_evidence: "", rehearsal: false, drawdown_since_resume: 0.0, unpriced: [], dust: [], heat_stops_hit: 0.0 },
  },
  Halted: {
    nanoseconds: ["time_ns", "until_ns", "since_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", mode: "halted", reason: "", until_ns: 0n, who: "risk", trigger: "operator", evidence: "", cleared_by: "operator", since_ns: 0n, awaited: false },
  },
  Resumed: {
    nanoseconds: ["time_ns", "held_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", reason: "", held_ns: 0n, who: "risk", trigger: "operator" },
  },
  ResumeAsked: {
    nanoseconds: ["time_ns", "until_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", trigger: "operator", who: "risk", until_ns: 0n },
  },
  LimitsChanged: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, over: [] },
  },
  PhaseProposed: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  PhaseChanged: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, evidence: "", rehearsal: false },
  },
  CommandRefused: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, nothing_to_do: false },
  },
  Alerted: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", evidence: "" },
  },
  PositionWrittenOff: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  OrderWrittenOff: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  PositionsImported: {
    nanoseconds: ["time_ns"],
    parts: {"positions": "BookedPosition"},
    defaults: { cause: "", trace: "", v: 1, over: [], client: "" },
  },
  SignalRefused: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, source: "", entry: "", unanswered: 0 },
  },
  StoreRepaired: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  Halt: {
    nanoseconds: ["time_ns", "until_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", mode: "halted", until_ns: 0n },
  },
  Resume: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, reason: "", symbol: "", confirm: "" },
  },
  Flatten: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "" },
  },
  SetPhase: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  ApprovePhase: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, reviews: 0 },
  },
  SetLimits: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  WriteOff: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, price: null },
  },
  WriteOffOrder: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  ImportPositions: {
    nanoseconds: ["time_ns"],
    parts: {"positions": "PositionToImport"},
    defaults: { cause: "", trace: "", v: 1, cash: null, cash_before: null, client: "" },
  },
  RoomAsked: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, symbol: "", stop_price: null, limit_price: null, strategy: "external", client: "" },
  },
  ShadowAsked: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  ImportAsked: {
    nanoseconds: ["time_ns"],
    parts: {"positions": "PositionToImport"},
    defaults: { cause: "", trace: "", v: 1, cash: null, client: "" },
  },
  RoomAnswered: {
    nanoseconds: ["time_ns"],
    parts: {"rooms": "Room"},
    defaults: { cause: "", trace: "", v: 1, part: 1, parts: 1, reason: "", policy: "", phase: "" },
  },
  ShadowCounted: {
    nanoseconds: ["time_ns", "since_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, since_ns: 0n },
  },
  ImportAnswered: {
    nanoseconds: ["time_ns"],
    parts: {"rows": "ImportRow"},
    defaults: { cause: "", trace: "", v: 1, over: [], part: 1, parts: 1 },
  },
  MessageRefused: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1 },
  },
  EntrySetAside: {
    nanoseconds: ["time_ns"],
    parts: {},
    defaults: { cause: "", trace: "", v: 1, portfolio: "", entry: "", message: "", symbol: "", reason: "" },
  },
}
