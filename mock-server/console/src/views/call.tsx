/** One call: why it was refused, what was said word for word, and the same as a line to paste. */

import { useEffect, useMemo, useState } from 'preact/hooks'
import { get, quoted } from '../api'
import { ofBoth, t } from '../lang'
import { lines, outcome } from '../live'
import { useStore } from '../store'
import { exactTime, took } from '../time'
import type { Body, Entry, Exchange, Wire } from '../types'
import { Bytes, Copy, Problem, Tag } from '../ui'
import { errmsgs } from '../world'
import { outcomeWords } from './live'

/** Headers a client sets itself. */
const OWN = new Set(['host', 'content-length', 'connection', 'transfer-encoding', 'accept-encoding'])

const bytesOf = (body: Body): Uint8Array =>
  body.base64 === undefined ? new TextEncoder().encode(body.text ?? '') : Uint8Array.from(atob(body.base64), (char) => char.charCodeAt(0))

/** Sixteen bytes a line: offset, hex, text. */
export function hex(body: Body): string {
  const bytes = bytesOf(body)
  const rows: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const numbers = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    rows.push(`${at.toString(16).padStart(6, '0')}  ${numbers.padEnd(47)}  ${text}`)
  }
  return rows.join('\n')
}

export function asCurl(request: NonNullable<Wire['request']>): string {
  const parts = ['curl -i']
  if (request.method !== 'GET') parts.push(`-X ${request.method}`)
  parts.push(quoted(location.origin + request.target))
  for (const [name, value] of request.headers) if (!OWN.has(name)) parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (request.body.text) parts.push(`--data-binary ${quoted(request.body.text)}`)
  return parts.join(' \\\n  ')
}

export function asFetch(request: NonNullable<Wire['request']>): string {
  const headers = Object.fromEntries(request.headers.filter(([name]) => !OWN.has(name)))
  const options = { method: request.method, headers, ...(request.body.text ? { body: request.body.text } : {}) }
  return `await fetch(${JSON.stringify(location.origin + request.target)}, ${JSON.stringify(options, null, 2)})`
}

const head = (first: string, headers: readonly [string, string][]): string => [first, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\n')

export function Call({ id, close }: { id: number; close: () => void }) {
  const all = useStore(lines)
  const texts = useStore(errmsgs)
  const about = useMemo(() => all.filter((entry) => (entry.what === 'exchange' || entry.what === 'gate' || entry.what === 'fault') && entry.call === id), [all, id])
  const exchange = about.find((entry): entry is Entry & Exchange => entry.what === 'exchange')
  const [state, set] = useState<{ id: number; wire?: Wire; error?: Error }>({ id })
  useEffect(() => {
    let isOver = false
    get<Wire>(`/_mock/v1/calls/${id}/wire`).then(
      (wire) => isOver || set({ id, wire }),
      (error: Error) => isOver || set({ id, error }),
    )
    return () => {
      isOver = true
    }
  }, [id, exchange !== undefined])
  const wire = state.id === id ? state.wire : undefined
  const why = wire && ofBoth(wire.why)
  const advice = wire && ofBoth(wire.advice)

  return (
    <aside class="detail" id="detail" aria-label={t(`Call ${id}`, `调用 ${id}`)}>
      <header>
        <h2>
          #{id} <span class="mono">{exchange?.endpoint ?? ''}</span>
        </h2>
        <button type="button" class="small" id="close-detail" aria-label={t('Close', '关闭')} onClick={close}>
          ✕
        </button>
      </header>
      {exchange && <Facts exchange={exchange} texts={texts} />}
      {state.error && state.id === id && <Problem error={state.error} />}
      {why && (
        <section class={exchange && outcome(exchange) === 'fault' ? 'why fault' : 'why'} id="why">
          <h3>{t('Why it was refused', '为什么被拒绝')}</h3>
          <p>{why}</p>
          {advice && (
            <p class="advice">
              <b>{t('What to do: ', '怎么处理：')}</b>
              {advice}
            </p>
          )}
        </section>
      )}
      <Beside entries={about} />
      {wire && <Spoken wire={wire} />}
    </aside>
  )
}

function Facts({ exchange, texts }: { exchange: Exchange & { at: number }; texts: ReadonlyMap<number, string> }) {
  const { tone, words } = outcomeWords(exchange, texts)
  const facts: [string, preact.ComponentChildren][] = [
    [t('outcome', '结果'), <Tag tone={tone}>{words}</Tag>],
    [t('user', '用户'), exchange.user && <a href={`#people/${encodeURIComponent(exchange.user)}`}>{exchange.user}</a>],
    ['code', exchange.code && <span class="mono">{exchange.code}</span>],
    ['key', exchange.key_no !== undefined && <span class="mono">k{exchange.key_no}</span>],
    [t('ended', '结束于'), `${exactTime(exchange.at)} (${took(exchange.took_us)})`],
    ['rid', exchange.rid && <span class="mono">{exchange.rid}</span>],
    [t('client', '客户端'), exchange.user_agent],
  ]
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

function Beside({ entries }: { entries: readonly Entry[] }) {
  const acts: Record<string, string> = {
    held: t('held it', '暂停了它'),
    released: t('let it go', '放行'),
    limit_reached: t('let it go: its time was up', '到时自动放行'),
    gone: t('lost it: the client left', '客户端断开'),
  }
  const words = entries.flatMap((entry) => {
    if (entry.what === 'gate') return [`${exactTime(entry.at)}  ${t('gate', '闸门')} ${entry.label}: ${acts[entry.act] ?? entry.act} (${entry.point})`]
    if (entry.what === 'fault') return [`${exactTime(entry.at)}  ${t('fault', '故障')} ${entry.label}: ${entry.effect} (${entry.when})`]
    return []
  })
  if (words.length === 0) return null
  return (
    <ul class="beside mono">
      {words.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
}

function Spoken({ wire: { request, reply, call } }: { wire: Wire }) {
  const [asHex, setHex] = useState(false)
  if (!request) {
    return (
      <p class="note">
        {t(
          'Its bytes were not kept: they are from the moment a console is first open, and of the last 512 calls.',
          '没有保存这次调用的原始内容：控制台首次打开之后才开始保存，且只保存最近 512 次。',
        )}
      </p>
    )
  }
  const shown = (body: Body): string => (asHex || body.base64 !== undefined ? hex(body) : (body.text ?? ''))
  const size = (body: Body): string => (body.kept < body.bytes ? t(`${body.bytes} bytes, the first ${body.kept} kept`, `${body.bytes} 字节，保存了前 ${body.kept} 字节`) : t(`${body.bytes} bytes`, `${body.bytes} 字节`))
  const requestText = head(`${request.method} ${request.target}`, request.headers) + (request.body.bytes > 0 ? `\n\n${shown(request.body)}` : '')
  return (
    <>
      <div class="buttons">
        <Copy id="copy-curl" text={() => asCurl(request)}>
          {t('Copy as curl', '复制为 curl')}
        </Copy>
        <Copy id="copy-fetch" text={() => asFetch(request)}>
          {t('Copy as fetch', '复制为 fetch')}
        </Copy>
        <button type="button" class="small" aria-pressed={asHex} onClick={() => setHex(!asHex)}>
          {t('Bodies in hex', '正文显示为十六进制')}
        </button>
      </div>
      <h3>
        {t('Request', '请求')} <small>{t('body', '正文')} {size(request.body)}</small>
      </h3>
      <Bytes id="request-bytes" label={t('Request', '请求')} text={requestText} />
      <h3>
        {t('Answer', '应答')}{' '}
        {reply && (
          <small>
            {t('body', '正文')} {size(reply.body)}
            {reply.cut_after !== null && t(`, cut after ${reply.cut_after} by a fault`, `，故障在第 ${reply.cut_after} 字节处截断`)}
          </small>
        )}
      </h3>
      {reply ? (
        <Bytes id="reply-bytes" label={t('Answer', '应答')} text={`${head(`HTTP/1.1 ${reply.status}`, reply.headers)}\n\n${shown(reply.body)}`} />
      ) : (
        <p class="note">{call.parked ? t('A gate holds it; nothing has been answered yet.', '正被闸门暂停，尚未应答。') : t('Nothing was answered.', '没有应答。')}</p>
      )}
    </>
  )
}
