// heatsink's gate for bots in JavaScript. Types and words are in index.d.ts.
export { Gate, GateError, MissedError } from './gate.js'
