/** The keys of one user against time: issued by what, in force how long, ended by what; and where each code got its key. */

import { t } from './lang'
import { moment } from './time'
import type { Code, Key } from './types'

export type Mark = { no: number; tone: 'good' | 'bad'; words: string }

export const causeWords = (key: Key): string =>
  ({
    login: t(`login on ${key.device}`, `${key.device} 登录`),
    exchange: t(`exchange of ${key.device}`, `${key.device} 换取`),
    rotate: t('rotated by hand', '手动轮换'),
    reset: t('reset', '重置'),
  })[key.cause]

export function endWords(key: Key, now: number, keys: readonly Key[]): string {
  if (key.displaced_at !== null) {
    const by = keys.find((other) => other.no === key.displaced_by)
    return by ? t(`displaced by k${by.no} (${causeWords(by)})`, `被 k${by.no} 替换（${causeWords(by)}）`) : t('displaced', '被替换')
  }
  if (key.expired_at !== null) return t('expired', '已过期')
  if (key.activated_at === null) return t('waits for its exchange', '等待换取后生效')
  return key.current ? t('in force', '有效') : moment(key.expires_at, now)
}

export const endOf = (key: Key): number | null => key.displaced_at ?? key.expired_at

/** Moments in order, each as far from the next as any other: keys live seconds or months, and all of it must be seen. */
function scale(keys: readonly Key[], codes: readonly Code[], now: number): { at: (ms: number) => number; moments: number[] } {
  const all = keys.flatMap((key) => [key.issued_at, ...(endOf(key) === null ? [] : [endOf(key) as number])])
  const moments = [...new Set([...all, ...codes.flatMap((code) => [code.minted_at, ...(code.ended_at === null ? [] : [code.ended_at])]), now])].sort((a, b) => a - b)
  const step = 100 / Math.max(1, moments.length)
  const at = (ms: number): number => {
    const after = moments.findIndex((one) => one >= ms)
    return after < 0 ? 100 : after * step
  }
  return { at, moments }
}

const MOST_KEYS = 12

export function Timeline({ keys, codes, now, marks = [] }: { keys: readonly Key[]; codes: readonly Code[]; now: number; marks?: readonly Mark[] }) {
  const shown = keys.slice(-MOST_KEYS)
  const first = shown[0]
  if (!first) return null
  const theirs = codes.filter((code) => shown.some((key) => key.no === code.key) && code.minted_at >= first.issued_at).slice(-24)
  const { at, moments } = scale(shown, theirs, now)
  const present = at(now)
  const every = Math.max(1, Math.ceil(moments.length / 5))
  // What is nearer to now would be written over it on a narrow screen.
  const ticks = moments.filter((ms, index) => index % every === 0 && present - at(ms) > 26)
  return (
    <figure class="timeline" id="timeline" aria-label={t('Key timeline', 'key 时间线')}>
      {keys.length > shown.length && <p class="note">{t(`The last ${shown.length} of ${keys.length} keys.`, `共 ${keys.length} 个 key，显示最近 ${shown.length} 个。`)}</p>}
      <div class="chart">
        {shown.map((key) => {
          const from = at(key.issued_at)
          const end = endOf(key)
          const to = end === null ? 100 : at(end)
          const mark = marks.find((one) => one.no === key.no)
          const state = key.current ? 'current' : key.displaced_at !== null ? 'displaced' : key.expired_at !== null ? 'expired' : 'waiting'
          return (
            <div class={mark ? `row marked ${mark.tone}` : 'row'} key={key.no} data-key={key.no}>
              <div class="name">
                <b class="mono">k{key.no}</b> <span>{causeWords(key)}</span>
              </div>
              <div class="track">
                <div class={`life ${state}`} style={{ left: `${from}%`, width: `${Math.max(1.5, to - from)}%` }} title={`${moment(key.issued_at, now)} – ${end === null ? '' : moment(end, now)}`} />
                {theirs
                  .filter((code) => code.key === key.no)
                  .map((code) => (
                    <span key={code.code} class={`dot ${code.state}`} style={{ left: `${at(code.ended_at ?? code.minted_at)}%` }} title={`code …${code.code.slice(-4)} · ${code.device} · ${codeWords(code.state)}`} />
                  ))}
                <span class="now" style={{ left: `${present}%` }} />
              </div>
              <div class="end">{mark ? <b>{mark.words}</b> : endWords(key, now, keys)}</div>
            </div>
          )
        })}
        <div class="row axis" aria-hidden="true">
          <div class="name" />
          <div class="track">
            {ticks.map((ms) => (
              <span key={ms} style={{ left: `${at(ms)}%` }}>
                {moment(ms, now)}
              </span>
            ))}
            <span class="at-now" style={{ left: `${present}%` }}>
              {t('now', '现在')}
            </span>
          </div>
          <div class="end" />
        </div>
      </div>
      <figcaption>
        <span class="key current" /> {t('in force', '有效')} <span class="key displaced" /> {t('displaced', '被替换')} <span class="key expired" /> {t('expired', '已过期')} <span class="dot fresh" /> {t('code, unused', 'code 未使用')}{' '}
        <span class="dot exchanged" /> {t('code, exchanged', 'code 已换取')} · {t('time not to scale', '时间轴不按比例')}
      </figcaption>
    </figure>
  )
}

export const codeWords = (state: Code['state']): string =>
  ({
    fresh: t('unused', '未使用'),
    exchanged: t('exchanged', '已换取'),
    expired: t('expired', '已过期'),
    burnt: t('burnt', '已作废'),
  })[state]
