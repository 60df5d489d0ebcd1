/** The journal as it comes: one stream a tab, closed while nobody looks, gone on from where it stopped. */

import { eventsFrom, get } from './api'
import { Store } from './store'
import type { Entry, Exchange } from './types'

/** How many lines a tab remembers. */
export const MOST = 60_000
/** How many lines of before are fetched when a tab opens. */
const BEFORE = 20_000

export type Link = 'connecting' | 'open' | 'lost'

export const link = new Store<Link>('connecting')
/** The lines, oldest first; a new array whenever some came. */
export const lines = new Store<readonly Entry[]>([])
export const isPaused = new Store(false)
/** How many lines came while the list stood still. */
export const nWaiting = new Store(0)

let all: Entry[] = []
let arrived: Entry[] = []
let last = 0
let source: EventSource | undefined
const followers = new Set<(entries: readonly Entry[]) => void>()

/** Told of the lines of each batch, also while the list stands still. */
export function follow(follower: (entries: readonly Entry[]) => void): () => void {
  followers.add(follower)
  return () => followers.delete(follower)
}

function flush(): void {
  const batch = arrived
  arrived = []
  if (batch.length === 0) return
  all = all.concat(batch)
  if (all.length > MOST) all = all.slice(-MOST)
  for (const follower of [...followers]) follower(batch)
  if (isPaused.get()) nWaiting.set(nWaiting.get() + batch.length)
  else lines.set(all)
}

function take(entry: Entry): void {
  last = entry.no
  arrived.push(entry)
  // Ten times a second is at once for a reader, and leaves the rest of the time to the page however much comes.
  if (arrived.length === 1) setTimeout(flush, 100)
}

function open(): void {
  source?.close()
  const stream = new EventSource(eventsFrom(last))
  source = stream
  stream.addEventListener('journal', (event) => {
    const numbers = JSON.parse((event as MessageEvent<string>).data) as { after: number }
    // The mock was started again: its numbers begin anew, and what was shown is of another life.
    if (numbers.after < last) {
      last = numbers.after
      all = []
      arrived = []
      lines.set(all)
    }
    link.set('open')
  })
  stream.onmessage = (event: MessageEvent<string>) => take(JSON.parse(event.data) as Entry)
  stream.onerror = () => {
    if (source !== stream) return
    link.set('lost')
    // A browser does not try again after a refusal.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => source === stream && open(), 1000)
  }
}

/** Begins; a tab in the background keeps no connection, because a browser has six for an address. */
export async function start(): Promise<void> {
  const { last: newest } = await get<{ last: number }>('/_mock/v1/journal?limit=0').catch(() => ({ last: 0 }))
  last = Math.max(0, newest - BEFORE)
  open()
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) open()
    else {
      source?.close()
      source = undefined
    }
  })
}

export function pause(paused: boolean): void {
  isPaused.set(paused)
  nWaiting.set(0)
  if (!paused) lines.set(all)
}

/** Empties this tab's list; the mock's journal stays. */
export function clear(): void {
  all = []
  nWaiting.set(0)
  lines.set(all)
}

export type Outcome = 'ok' | 'refused' | 'fault' | 'gone'

/** How an exchange ended. */
export function outcome(exchange: Exchange): Outcome {
  if (exchange.fault) return 'fault'
  if (exchange.state === 'gone') return 'gone'
  if (exchange.errcode) return 'refused'
  return exchange.status !== null && exchange.status < 400 ? 'ok' : 'refused'
}
