// A strategy of your own beside heatsink: take the first size that comes, propose it, print the verdict.
//
//   npm ci && node example.mjs redis://127.0.0.1:6379/0
import { DECIDED, SIZES, connect } from './heatsink.mjs'

const heatsink = await connect(process.argv[2])
let order

await heatsink.listen(DECIDED, async decided => {
  if (decided.order_id !== order?.id) return
  const { verdict, symbol, quantity_approved, binding, heat_before, heat_after } = decided
  console.log(`${verdict} ${quantity_approved} ${symbol} ${binding} heat ${heat_before} -> ${heat_after}`)
  await heatsink.close()
})

await heatsink.listen(SIZES, async size => {
  if (order || Number(size.quantity) === 0) return
  order = {
    type: 'OrderProposed',
    // Yours to choose: up to 36 of A-Z a-z 0-9 - _. An id that was decided before gets the same verdict again.
    id: `example-${size.symbol.replace('/', '')}-${size.bar_open_time_ns / 1_000_000n}`,
    cause: size.id,
    trace: size.trace, // one id from the bar to the fill
    time_ns: size.time_ns,
    symbol: size.symbol,
    side: 'buy',
    quantity: size.quantity, // amounts travel as text: '0.26041'
    stop_price: String(size.stop_price),
    strategy: 'example',
  }
  await heatsink.append(order)
})
