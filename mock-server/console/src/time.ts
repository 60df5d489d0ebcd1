/** Moments and spans as people read them. */

import { useEffect, useState } from 'preact/hooks'
import type { Clock } from './types'
import { t } from './lang'

const two = (n: number): string => String(n).padStart(2, '0')

/** 10:42:07, local time. */
export function clockTime(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** The same with milliseconds. */
export const exactTime = (ms: number): string => `${clockTime(ms)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, '0')}`

/** With the day where it is not the day of `now`. */
export function moment(ms: number, now: number): string {
  const [at, today] = [new Date(ms), new Date(now)]
  const time = clockTime(ms)
  if (at.toDateString() === today.toDateString()) return time
  const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return at.getFullYear() === today.getFullYear() ? `${day} ${time}` : `${at.getFullYear()}-${day} ${time}`
}

/** 04:57, 2 h 10 min, 3 d 4 h. */
export function left(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000))
  if (s < 3600) return `${two(Math.floor(s / 60))}:${two(s % 60)}`
  const h = Math.floor(s / 3600)
  if (h < 48) return t(`${h} h ${Math.floor((s % 3600) / 60)} min`, `${h} 小时 ${Math.floor((s % 3600) / 60)} 分`)
  return t(`${Math.floor(h / 24)} d ${h % 24} h`, `${Math.floor(h / 24)} 天 ${h % 24} 小时`)
}

/** 0.9 ms, 12 ms, 1.4 s. */
export function took(us: number): string {
  if (us < 9950) return `${(us / 1000).toFixed(1)} ms`
  if (us < 999_500) return `${Math.round(us / 1000)} ms`
  return `${(us / 1_000_000).toFixed(1)} s`
}

/** The wall time, again every second. */
export function useNow(): number {
  const [now, set] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

/** The time of an app, read at `readAt`, as it is at `wall`. */
export const virtualNow = (clock: Clock, readAt: number, wall: number): number =>
  clock.frozen ? clock.now : clock.now + Math.max(0, wall - readAt) * clock.scale
