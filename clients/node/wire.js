// From messages to MessagePack and back, and amounts as the wire has them.
import { decode, encode } from '@msgpack/msgpack'
import { KINDS } from './messages.js'

const BIGINTS = { useBigInt64: true } // nanoseconds do not fit into a JavaScript number

/** A value that no message can hold. */
export class UnwritableError extends Error {
  constructor(field, reason) {
    super(`${field}: ${reason}`)
    this.field = field
    this.reason = reason
  }
}

/** The amount as decimal text without an exponent. A number is taken by its shortest text: 0.1 is 0.1. */
export function amount(field, given) {
  if (given === null || given === undefined) return null
  const text = typeof given === 'number' || typeof given === 'bigint' ? withoutExponent(String(given)) : given
  if (typeof text !== 'string' || !/^-?[0-9]+(\.[0-9]+)?$/.test(text)) {
    throw new UnwritableError(field, `${shown(given)} is no amount: give a number, or text such as '0.25'`)
  }
  return text
}

/** Market time; 0n where none is given. */
export function nanoseconds(field, given) {
  if (given === null || given === undefined) return 0n
  if (typeof given !== 'bigint' && !Number.isSafeInteger(given)) {
    throw new UnwritableError(field, `${shown(given)} is no time: give whole nanoseconds, such as await gate.marketNs()`)
  }
  return BigInt(given)
}

/** The milliseconds that are given, or those that count where none are. */
export function milliseconds(field, given, otherwise) {
  if (given === null || given === undefined) return otherwise
  if (typeof given !== 'number' || !Number.isFinite(given)) {
    throw new UnwritableError(field, `${shown(given)} is no time: give milliseconds, such as 5000`)
  }
  return given
}

const shown = given => (typeof given === 'string' ? `'${given.slice(0, 40)}'` : String(given).slice(0, 40))

/** The same for the same amount: 0.50 and 0.5 are one. */
export function normal(text) {
  if (text === null || text === undefined) return null
  const [whole, part = ''] = text.split('.')
  const rest = part.replace(/0+$/, '')
  return whole.replace(/^(-?)0+(?=[0-9])/, '$1') + (rest && `.${rest}`)
}

function withoutExponent(text) {
  const found = /^(-?)([0-9]+)(?:\.([0-9]+))?e([+-][0-9]+)$/.exec(text)
  if (!found) return text
  const [, sign, whole, part = '', power] = found
  const point = whole.length + Number(power)
  const digits = (whole + part).padEnd(point, '0').padStart(whole.length + part.length + Math.max(0, 1 - point), '0')
  const at = Math.max(1, point)
  return sign + digits.slice(0, at) + (digits.length > at ? `.${digits.slice(at)}` : '')
}

/** The bytes of a message; what is undefined or null is left out. */
export function pack(message) {
  const given = Object.entries(message).filter(([, value]) => value !== undefined && value !== null)
  const bytes = encode(Object.fromEntries(given), BIGINTS)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The message; null for what is none, or of a type that this version does not know. */
export function unpack(bytes) {
  try {
    const given = decode(bytes, BIGINTS)
    return KINDS[given.type] ? read(KINDS[given.type], given) : null
  } catch {
    return null // bytes of anybody: whatever is wrong with them, they are no message
  }
}

function read(kind, given) {
  const message = { ...kind.defaults }
  for (const [name, value] of Object.entries(given)) {
    if (value === null && name in kind.defaults) continue // left out, as JavaScript writes it
    if (kind.nanoseconds.includes(name)) message[name] = BigInt(value)
    else message[name] = plain(value, kind.parts[name])
  }
  return message
}

function plain(value, part) {
  if (Array.isArray(value)) return value.map(each => plain(each, part))
  if (part && value !== null && typeof value === 'object') return read(KINDS[part], value)
  return typeof value === 'bigint' ? Number(value) : value
}
