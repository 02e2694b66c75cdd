// Signatures of proposals and reports, for a client that has to sign (`[clients.NAME]`): by HMAC-SHA256.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'

const ALGORITHM = 'hmac-sha256'
const LINE = /^([A-Za-z0-9_-]{1,32})\s+([0-9a-fA-F]{64})$/

/**
 * Makes the field with the signature that goes beside a message for a queue, as the arguments of a command; it makes none
 * where there is no key. given: a file of keys, the line of a key, or undefined for what HEATSINK_CLIENT_KEY says.
 * Throws an Error, which never tells what stands in the file.
 */
export function signer(given) {
  const place = given || process.env.HEATSINK_CLIENT_KEY
  if (!place) return () => []
  const [, id, hex] = LINE.exec(place.trim()) ?? keyIn(place)
  const secret = Buffer.from(hex, 'hex')
  return (stream, body, atMs = Date.now()) => {
    const head = `${ALGORITHM} ${id} ${atMs} `
    const digest = createHmac('sha256', secret).update(`${head}${stream}\n`).update(body).digest('hex')
    return ['s', head + digest]
  }
}

function keyIn(file) {
  const shown = JSON.stringify(file.slice(0, 100))
  const remedy = 'give the file that heatsink keys new --client NAME made'
  let text
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`the key of this client cannot be read (${shown}: ${error.code}): ${remedy}`)
  }
  for (const line of text.split('\n')) {
    const found = LINE.exec(line.split('#')[0].trim())
    if (found) return found
  }
  throw new Error(`there is no key in ${shown}: ${remedy}`)
}
