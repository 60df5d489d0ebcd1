/** Values that several views share. */

import { useEffect, useReducer } from 'preact/hooks'

export class Store<T> {
  private readonly listeners = new Set<() => void>()

  constructor(private value: T) {}

  get(): T {
    return this.value
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return
    this.value = value
    for (const listener of [...this.listeners]) listener()
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}

/** The value, and a render whenever it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, render] = useReducer((n: number) => n + 1, 0)
  useEffect(() => store.subscribe(() => render(undefined)), [store])
  return store.get()
}

/** A value this browser keeps; where it may keep nothing, it is forgotten with the page. */
export function remembered<T>(name: string): { get(): T | undefined; set(value: T): void } {
  return {
    get() {
      try {
        const text = localStorage.getItem(name)
        return text === null ? undefined : (JSON.parse(text) as T)
      } catch {
        return undefined
      }
    },
    set(value) {
      try {
        localStorage.setItem(name, JSON.stringify(value))
      } catch {
        // Nothing is kept in a browser that forbids it.
      }
    },
  }
}
