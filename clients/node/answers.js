// What the gate answers, as a bot takes it. Whatever is not known for certain is not approved, and allows nothing.

const VERDICT = {
  symbol: '', side: '', quantity: '0', requested: '0', stopPrice: null, binding: '', reason: '', code: '', field: '',
  arrived: 'yes', decided: null,
}

const verdict = given => Object.freeze({
  ...VERDICT,
  ...given,
  approved: Number(given.quantity ?? 0) > 0,
  known: given.verdict !== 'unknown',
})

export const decidedVerdict = decided => verdict({
  orderId: decided.order_id, verdict: decided.verdict, symbol: decided.symbol, side: decided.side,
  quantity: decided.quantity_approved, requested: decided.quantity_requested, stopPrice: decided.stop_price,
  binding: decided.binding, reason: decided.reason, code: decided.code, decided,
})

export const refusedVerdict = (orderId, symbol, { code, field, reason }) =>
  verdict({ orderId, verdict: 'refused', symbol, code, field, reason })

export const unknownVerdict = (orderId, symbol, arrived, reason) =>
  verdict({ orderId, verdict: 'unknown', symbol, code: 'unknown', arrived, reason })

const answer = given => Object.freeze({
  reason: '', code: '', field: '', arrived: 'yes', message: null, ...given,
  taken: given.outcome === 'taken',
  known: given.outcome !== 'unknown',
})

/** From heatsink's own message. A report that is refused as a repetition was taken before. */
export function answerOf(id, message) {
  const { code = '', field = '', reason = '' } = message
  const refused = message.type.endsWith('Refused') && code !== 'repeated'
  return answer({ id, outcome: refused ? 'refused' : 'taken', code, field, reason, message })
}

export const refusedAnswer = (id, { code, field, reason }) => answer({ id, outcome: 'refused', code, field, reason })
export const unknownAnswer = (id, arrived, reason) => answer({ id, outcome: 'unknown', code: 'unknown', arrived, reason })

/** room: as the gate says it; without one, nobody answered, or the question was none. */
export function roomLeft(symbol, room, reason = '', code = 'unknown') {
  const found = room ?? { quantity: '0', reason, code, ceilings: [] }
  return Object.freeze({
    symbol: found.symbol ?? symbol,
    quantity: found.quantity,
    notionalUsdt: found.notional_usdt ?? 0,
    stopPrice: found.stop_price ?? null,
    price: found.price ?? 0,
    binding: found.binding ?? '',
    reason: found.reason,
    code: found.code,
    ceilings: found.ceilings,
    open: Number(found.quantity) > 0,
    known: room !== null,
  })
}
