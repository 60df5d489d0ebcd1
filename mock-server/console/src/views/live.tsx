/** Exchanges as they arrive: who, which code and key, how it ended; the bytes and the reason of the one that is looked at. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { t } from '../lang'
import { clear, isPaused, lines, nWaiting, outcome, pause, type Outcome } from '../live'
import { useStore } from '../store'
import { exactTime, took } from '../time'
import type { Entry, Exchange } from '../types'
import { Empty, Input, Select, Tag } from '../ui'
import { apps, errmsgs, useApp } from '../world'
import { Call } from './call'
import { eventWords } from './events'

export type Row = Entry

export function outcomeWords(exchange: Exchange, texts: ReadonlyMap<number, string>): { tone: 'good' | 'bad' | 'warn' | 'dim'; words: string } {
  const kind = outcome(exchange)
  const errcode = exchange.errcode ?? 0
  const text = errcode ? `${errcode} ${texts.get(errcode) ?? ''}`.trim() : String(exchange.status ?? '')
  if (kind === 'fault') return { tone: 'warn', words: t(`fault ${exchange.fault}`, `故障 ${exchange.fault}`) + (errcode ? ` · ${text}` : '') }
  if (kind === 'gone') return { tone: 'dim', words: t('client left', '客户端已断开') }
  if (kind === 'refused') return { tone: 'bad', words: text }
  return { tone: 'good', words: exchange.key_no === undefined ? t('ok', '成功') : t(`ok, revealed k${exchange.key_no}`, `成功，返回 k${exchange.key_no}`) }
}

interface Filter {
  app: string
  user: string
  outcome: '' | Outcome
  text: string
  events: boolean
}

function matches(entry: Entry, filter: Filter): entry is Row {
  if (entry.what === 'world') {
    if (!filter.events || filter.outcome) return false
    const { event } = entry
    if (filter.app && event.app !== filter.app) return false
    if (filter.user && event.user !== filter.user) return false
    return !filter.text || JSON.stringify(event).toLowerCase().includes(filter.text)
  }
  if (entry.what !== 'exchange') return false
  if (filter.app && entry.appid !== filter.app) return false
  if (filter.user && entry.user !== filter.user) return false
  if (filter.outcome && outcome(entry) !== filter.outcome) return false
  if (!filter.text) return true
  const { call, path, user, code, errcode, rid, user_agent } = entry
  return `#${call} ${path} ${user ?? ''} ${code ?? ''} ${errcode ?? ''} ${rid ?? ''} ${user_agent ?? ''}`.toLowerCase().includes(filter.text)
}

export function Live({ selected, select }: { selected: number | null; select: (call: number | null) => void }) {
  const all = useStore(lines)
  const paused = useStore(isPaused)
  const waiting = useStore(nWaiting)
  const known = useStore(apps)
  const [filter, change] = useState<Filter>({ app: '', user: '', outcome: '', text: '', events: false })
  const set = (part: Partial<Filter>) => change({ ...filter, ...part })
  const rows = useMemo(() => {
    const wanted = { ...filter, text: filter.text.trim().toLowerCase() }
    return all.filter((entry): entry is Row => matches(entry, wanted)).reverse()
  }, [all, filter])
  const people = useMemo(() => {
    const names = new Set<string>()
    for (const entry of all) if (entry.what === 'exchange' && entry.user) names.add(entry.user)
    return [...names].sort().slice(0, MOST_USERS)
  }, [all])
  const hasCalls = useMemo(() => all.some((entry) => entry.what === 'exchange'), [all])
  const isFiltered = Boolean(filter.app || filter.user || filter.outcome || filter.text)

  return (
    <div class={selected === null ? 'live' : 'live with-detail'}>
      <section class="list" aria-label={t('Exchanges', '调用列表')}>
        <div class="bar">
          <Input id="search" type="search" label={t('Search', '搜索')} placeholder={t('Search: user, code, rid, path…  ( / )', '搜索：用户、code、rid、路径…  ( / )')} value={filter.text} onInput={(text) => set({ text })} />
          {known.length > 1 && <Select label={t('App', '应用')} value={filter.app} options={[['', t('all apps', '全部应用')], ...known.map((app) => [app.appid, app.name] as const)]} onChange={(app) => set({ app })} />}
          <Select id="filter-user" label={t('User', '用户')} value={filter.user} options={[['', t('all users', '全部用户')], ...people.map((name) => [name, name] as const)]} onChange={(user) => set({ user })} />
          <Select
            id="filter-outcome"
            label={t('Outcome', '结果')}
            value={filter.outcome}
            options={[
              ['', t('any outcome', '全部结果')],
              ['ok', t('ok', '成功')],
              ['refused', t('refused', '被拒绝')],
              ['fault', t('hit by a fault', '命中故障')],
              ['gone', t('client left', '客户端断开')],
            ]}
            onChange={(value) => set({ outcome: value as Filter['outcome'] })}
          />
          <label class="check">
            <input type="checkbox" id="show-events" checked={filter.events} onChange={(event) => set({ events: event.currentTarget.checked })} />
            {t('phones and keys', '手机与 key 的变化')}
          </label>
          <span class="grow" />
          <span class="count" id="count">
            {rows.length.toLocaleString('en')} {t('lines', '条')}
          </span>
          <button type="button" id="pause" aria-pressed={paused} onClick={() => pause(!paused)}>
            {paused ? t(`Resume (${waiting} new)`, `继续（新增 ${waiting}）`) : t('Pause', '暂停')}
          </button>
          <button type="button" id="clear" onClick={() => clear()}>
            {t('Clear', '清空')}
          </button>
        </div>
        {rows.length > 0 ? (
          <Table rows={rows} selected={selected} select={select} />
        ) : isFiltered && hasCalls ? (
          <Empty title={t('Nothing matches the filter', '没有符合筛选条件的调用')}>
            <button type="button" onClick={() => change({ app: '', user: '', outcome: '', text: '', events: filter.events })}>
              {t('Remove the filter', '清除筛选')}
            </button>
          </Empty>
        ) : (
          <Nothing />
        )}
      </section>
      {selected !== null && <Call id={selected} close={() => select(null)} />}
    </div>
  )
}

function Nothing() {
  const app = useApp()
  const origin = location.origin
  const line = app
    ? `CODE=$(curl -s '${origin}/_mock/wx/login?app=${app.appid}&pick=code')\ncurl -s "${origin}/sns/jscode2session?appid=${app.appid}&secret=${app.secret}&js_code=$CODE&grant_type=authorization_code"`
    : `curl -s -X POST '${origin}/_mock/v1/apps' -d '{}'`
  return (
    <Empty title={t('No call has come in yet', '还没有收到调用')} line={line}>
      <p>
        {t('In your backend’s settings put ', '把后端配置里的 ')}
        <code>https://api.weixin.qq.com</code>
        {t(' → ', ' 换成 ')}
        <code>{origin}</code>
        {t('. If the address is hard-coded, start the backend with ', '。如果地址写死在代码里，用 ')}
        <code>wxmock exec -- …</code>
        {t('.', ' 启动后端。')}
      </p>
      <p>{t('To see a first exchange at once, paste this:', '想立刻看到一次调用，可以粘贴执行：')}</p>
    </Empty>
  )
}

/** More than this many are found by searching. */
const MOST_USERS = 200

const WIDE_ROW = 32
const NARROW_ROW = 56

/** Only the rows in sight are in the page, however many there are. */
function Table({ rows, selected, select }: { rows: readonly Row[]; selected: number | null; select: (call: number | null) => void }) {
  const texts = useStore(errmsgs)
  const box = useRef<HTMLDivElement>(null)
  const [view, look] = useState({ top: 0, height: 600, width: 1000 })
  const height = view.width < 760 ? NARROW_ROW : WIDE_ROW
  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const measure = () => look((before) => ({ ...before, height: element.clientHeight, width: element.clientWidth }))
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  // What is read stays where it is while lines come in above it.
  const newest = useRef(0)
  useLayoutEffect(() => {
    const element = box.current
    const before = newest.current
    newest.current = rows[0]?.no ?? 0
    if (!element || element.scrollTop < height) return
    const added = rows.findIndex((row) => row.no <= before)
    if (added > 0) element.scrollTop += added * height
  }, [rows])
  useEffect(() => {
    const step = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return
      const by = event.key === 'j' || event.key === 'ArrowDown' ? 1 : event.key === 'k' || event.key === 'ArrowUp' ? -1 : 0
      if (by === 0) return
      event.preventDefault()
      const calls = rows.filter((row) => row.what === 'exchange')
      const at = calls.findIndex((row) => row.call === selected)
      const next = calls[at < 0 ? 0 : Math.min(calls.length - 1, Math.max(0, at + by))]
      if (!next) return
      select(next.call)
      const index = rows.indexOf(next)
      const element = box.current
      if (!element) return
      if (index * height < element.scrollTop) element.scrollTop = index * height
      else if ((index + 2) * height > element.scrollTop + element.clientHeight) element.scrollTop = (index + 2) * height - element.clientHeight
    }
    addEventListener('keydown', step)
    return () => removeEventListener('keydown', step)
  }, [rows, selected, height])

  const from = Math.max(0, Math.floor(view.top / height) - 8)
  const to = Math.min(rows.length, Math.ceil((view.top + view.height) / height) + 8)
  return (
    <div class="rows" ref={box} tabIndex={0} role="region" aria-label={t('Exchanges, newest first', '调用，最新的在最上')} onScroll={(event) => look({ ...view, top: event.currentTarget.scrollTop })}>
      <table class="calls" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">{t('time', '时间')}</th>
            <th scope="col">{t('who', '用户')}</th>
            <th scope="col">code</th>
            <th scope="col">key</th>
            <th scope="col">{t('what', '接口')}</th>
            <th scope="col">{t('outcome', '结果')}</th>
            <th scope="col" class="number">
              {t('took', '耗时')}
            </th>
          </tr>
        </thead>
        <tbody>
          {from > 0 && <tr class="space" style={{ height: `${from * height}px` }} aria-hidden="true"><td /></tr>}
          {rows.slice(from, to).map((row) => (row.what === 'exchange' ? <ExchangeRow key={row.no} row={row} isSelected={row.call === selected} select={select} texts={texts} /> : <EventRow key={row.no} row={row} />))}
          {to < rows.length && <tr class="space" style={{ height: `${(rows.length - to) * height}px` }} aria-hidden="true"><td /></tr>}
        </tbody>
      </table>
    </div>
  )
}

function ExchangeRow({ row, isSelected, select, texts }: { row: Row & Exchange; isSelected: boolean; select: (call: number) => void; texts: ReadonlyMap<number, string> }) {
  const { tone, words } = outcomeWords(row, texts)
  return (
    <tr class={isSelected ? 'call selected' : 'call'} data-call={row.call} onClick={() => select(row.call)}>
      <td class="no">
        <button type="button" class="link" aria-label={t(`Call ${row.call}`, `调用 ${row.call}`)} aria-expanded={isSelected}>
          #{row.call}
        </button>
      </td>
      <td class="mono when">{exactTime(row.at - Math.round(row.took_us / 1000))}</td>
      <td class="who">{row.user ?? <span class="none">—</span>}</td>
      <td class="mono code">{row.code ?? ''}</td>
      <td class="mono key">{row.key_no === undefined ? '' : `k${row.key_no}`}</td>
      <td class="what" title={row.path}>
        {row.endpoint === 'unknown' ? row.path : row.endpoint}
      </td>
      <td class="outcome">
        <Tag tone={tone}>{words}</Tag>
      </td>
      <td class="number took">{took(row.took_us)}</td>
    </tr>
  )
}

function EventRow({ row }: { row: Entry }) {
  if (row.what !== 'world') return null
  const { event } = row
  return (
    <tr class="event">
      <td class="no" />
      <td class="mono when">{exactTime(row.at)}</td>
      <td class="who">{event.user ?? ''}</td>
      <td class="mono code">{typeof event['code'] === 'string' ? event['code'] : ''}</td>
      <td class="mono key">{typeof event['key'] === 'number' ? `k${event['key']}` : ''}</td>
      <td class="what" colSpan={3}>
        {eventWords(event)}
      </td>
    </tr>
  )
}
