/** Storage of one phone: kept in the tab's session storage where there is one, so that a reload keeps it and another tab does not see it. */

import { answer, checkOptions, Failed, type Fields } from './call.ts'
import type { Call } from './wx.d.ts'

/** What a mini program may store in all, in KB. Source: official page on storage. */
const LIMIT_KB = 10240

/** A text store that may be absent (opaque origins, Node) or refuse. */
type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'length' | 'key'>

class MemoryShelf implements Shelf {
  readonly #items = new Map<string, string>()
  get length() {
    return this.#items.size
  }
  key = (index: number) => [...this.#items.keys()][index] ?? null
  getItem = (key: string) => this.#items.get(key) ?? null
  setItem = (key: string, value: string) => void this.#items.set(key, value)
  removeItem = (key: string) => void this.#items.delete(key)
}

/** The tab's own shelf. Reading the property throws where a page has no origin. */
export function tabShelf(): Shelf | undefined {
  try {
    return typeof document === 'undefined' ? undefined : globalThis.sessionStorage
  } catch {
    return undefined
  }
}

export class PhoneStorage {
  readonly #shelf: Shelf = tabShelf() ?? new MemoryShelf()
  readonly #prefix: string

  /** `prefix` names app, person and phone: what one stores no other reads. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  #keys(): string[] {
    const prefix = this.#prefix
    const all = Array.from({ length: this.#shelf.length }, (_, index) => this.#shelf.key(index) ?? '')
    return all.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
  }

  set(key: string, data: unknown): void {
    // A Date is one of the types that come back as they were; everything else is what JSON makes of it.
    const kept = data instanceof Date ? { date: data.getTime() } : { data }
    this.#shelf.setItem(this.#prefix + key, JSON.stringify(kept))
  }

  /** The value; `undefined` if nothing is stored under the key. */
  get(key: string): unknown {
    const text = this.#shelf.getItem(this.#prefix + key)
    if (text === null) return undefined
    const kept = JSON.parse(text) as { data?: unknown; date?: number }
    return kept.date === undefined ? (kept.data ?? null) : new Date(kept.date)
  }

  has(key: string): boolean {
    return this.#shelf.getItem(this.#prefix + key) !== null
  }

  remove(key: string): void {
    this.#shelf.removeItem(this.#prefix + key)
  }

  clear(): void {
    for (const key of this.#keys()) this.remove(key)
  }

  info() {
    const keys = this.#keys()
    const bytes = keys.reduce((sum, key) => sum + key.length + (this.#shelf.getItem(this.#prefix + key)?.length ?? 0), 0)
    return { keys, currentSize: Math.ceil(bytes / 1024), limitSize: LIMIT_KB }
  }
}

/** The ten storage calls. */
export function storageApis(storage: PhoneStorage, log: Call[]) {
  const keyed = (api: string, option: unknown, run: (key: string, options: Fields) => Fields) =>
    answer(log, api, option, (options) => {
      checkOptions(api, options, { key: 'String!' })
      return run(options.key as string, options)
    })
  const get = (key: string) => {
    if (!storage.has(key)) throw new Failed('getStorage:fail data not found')
    return { data: storage.get(key) }
  }
  return {
    setStorage: (option: unknown) => keyed('setStorage', option, (key, { data }) => (storage.set(key, data), {})),
    getStorage: (option: unknown) => keyed('getStorage', option, get),
    removeStorage: (option: unknown) => keyed('removeStorage', option, (key) => (storage.remove(key), {})),
    clearStorage: (option?: unknown) => answer(log, 'clearStorage', option, () => (storage.clear(), {})),
    getStorageInfo: (option?: unknown) => answer(log, 'getStorageInfo', option, () => storage.info()),
    setStorageSync: (key: string, data: unknown) => storage.set(key, data),
    // Official: an absent key reads as an empty string.
    getStorageSync: (key: string) => (storage.has(key) ? storage.get(key) : ''),
    removeStorageSync: (key: string) => storage.remove(key),
    clearStorageSync: () => storage.clear(),
    getStorageInfoSync: () => storage.info(),
  }
}
