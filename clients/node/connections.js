// Connections to the server: each does one thing at a time, nothing is ever repeated by itself, every call has a bound.
import { createClient, ErrorReply, RESP_TYPES } from 'redis'

export const CALL_MS = 2_000 // for one round trip; longer than any read waits
const PASSING = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|BUSY|MISCONF|NOREPLICAS|TRYAGAIN|OOM|NOAUTH|WRONGPASS)\b/

const STRANGER = /^(NOAUTH|WRONGPASS)\b/

/** The connection broke, or the server cannot work just now. */
export class LostError extends Error {
  constructor(said) {
    super(STRANGER.test(said) ? `${said.replace(/\.$/, '')}; heatsink url prints an address with a name and a password that it takes` : said)
  }
}

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

export class Connections {
  #url
  #idle = []

  constructor(url) {
    this.#url = url
  }

  /**
   * Commands in one round trip. What the server refuses is an Error in the list of replies; texts are Buffers.
   * Throws LostError.
   */
  async call(...commands) {
    const client = await this.#take()
    const bytes = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }
    const sent = commands.map(command => client.sendCommand(command.map(text), bytes))
    const settled = await within(Promise.allSettled(sent), () => drop(client))
    const replies = settled.map(each => (each.status === 'fulfilled' ? each.value : each.reason))
    const lost = replies.find(reply => reply instanceof Error && !(reply instanceof ErrorReply))
    if (lost || !client.isReady) {
      drop(client)
      throw new LostError(lost?.message ?? 'the connection was closed')
    }
    this.#idle.push(client)
    const passing = replies.find(reply => reply instanceof Error && PASSING.test(reply.message))
    if (passing) throw new LostError(passing.message)
    return replies
  }

  /** Run with what is heard on a channel: `next(ms)` brings the next message, or null. */
  async listening(channel, run) {
    const client = await this.#take()
    const heard = []
    let wake = () => {}
    try {
      const hear = message => {
        heard.push(message)
        wake()
      }
      await within(client.subscribe(channel, hear, true), () => drop(client))
      return await run(async ms => {
        if (!heard.length) await Promise.race([new Promise(resolve => (wake = resolve)), sleep(ms)])
        return heard.shift() ?? null
      })
    } catch (error) {
      throw error instanceof ErrorReply || error instanceof LostError ? error : new LostError(error.message)
    } finally {
      drop(client) // a connection that subscribed can do nothing else
    }
  }

  close() {
    for (const client of this.#idle.splice(0)) drop(client)
  }

  async #take() {
    for (let client = this.#idle.pop(); client; client = this.#idle.pop()) {
      if (client.isReady) return client
      drop(client)
    }
    const client = createClient({
      url: this.#url,
      RESP: 2,
      disableOfflineQueue: true,
      socket: { reconnectStrategy: false, connectTimeout: CALL_MS },
    })
    client.on('error', () => {}) // whoever called is told
    try {
      await within(client.connect(), () => drop(client))
    } catch (error) {
      drop(client)
      throw new LostError(error.message)
    }
    return client
  }
}

function drop(client) {
  if (client.isOpen) client.destroy()
}

async function within(promise, late) {
  let timer
  const bound = new Promise((_, reject) => {
    timer = setTimeout(() => {
      late()
      reject(new LostError(`no answer within ${CALL_MS / 1000} s`))
    }, CALL_MS)
  })
  try {
    return await Promise.race([promise, bound])
  } finally {
    clearTimeout(timer)
  }
}

function text(argument) {
  return Buffer.isBuffer(argument) ? argument : String(argument)
}
