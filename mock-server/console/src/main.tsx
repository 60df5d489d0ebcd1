/** The console: which view is open, in which language and colours, and for which app. */

import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import './style/base.css'
import './style/frame.css'
import './style/live.css'
import './style/pages.css'
import './style/timeline.css'
import './style/narrow.css'
import { act, appPath, Refused } from './api'
import { lang, t } from './lang'
import { follow, link, start } from './live'
import { Store, remembered, useStore } from './store'
import { clockTime, useNow, virtualNow } from './time'
import { Input, LastCall, Select } from './ui'
import { Api } from './views/api'
import { Faults } from './views/faults'
import { Gates } from './views/gates'
import { WhichKey } from './views/key'
import { Live } from './views/live'
import { People } from './views/people'
import { Policy } from './views/policy'
import { apps, chosen, learnErrcodes, readAt, refresh, unreachable, useApp } from './world'

type Theme = 'auto' | 'light' | 'dark'
const savedTheme = remembered<Theme>('wxmock.theme')
const theme = new Store<Theme>(savedTheme.get() ?? 'auto')
const applyTheme = () => {
  document.documentElement.dataset['theme'] = theme.get()
}
applyTheme()
theme.subscribe(() => {
  savedTheme.set(theme.get())
  applyTheme()
})

const VIEWS = ['live', 'people', 'gates', 'key', 'faults', 'policy', 'api'] as const
type View = (typeof VIEWS)[number]

const viewName = (view: View): string =>
  ({
    live: t('Live', '实时调用'),
    people: t('People', '用户'),
    gates: t('Gates', '闸门'),
    key: t('Which key?', '哪个 key？'),
    faults: t('Faults', '故障'),
    policy: t('Policy', '策略'),
    api: t('Try it', 'API 调试'),
  })[view]

/** `#people/alice` is the view and what of it is open. */
function place(): { view: View; part: string | null } {
  const [name, part] = location.hash.slice(1).split('/')
  const view = VIEWS.find((one) => one === name) ?? 'live'
  return { view, part: part ? decodeURIComponent(part) : null }
}

function usePlace(): ReturnType<typeof place> {
  const [at, move] = useState(place())
  useEffect(() => {
    const moved = () => move(place())
    addEventListener('hashchange', moved)
    return () => removeEventListener('hashchange', moved)
  }, [])
  return at
}

const go = (view: View, part?: string | number) => {
  location.hash = part === undefined ? view : `${view}/${encodeURIComponent(part)}`
}

function useKeys(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (event.key === 'Escape' && place().view === 'live') go('live')
      if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return
      const view = VIEWS[Number(event.key) - 1]
      if (view) go(view)
      if (event.key === '/') {
        const search = document.getElementById('search')
        if (search) {
          event.preventDefault()
          search.focus()
        }
      }
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
}

function Console() {
  const chosenLang = useStore(lang)
  const { view, part } = usePlace()
  const lost = useStore(unreachable)
  useKeys()
  useEffect(() => {
    document.title = `${viewName(view)} · wxmock`
    // On a narrow screen the views stand in a row that is longer than it.
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [view, chosenLang])
  return (
    <>
      <Header />
      <nav aria-label={t('Views', '视图')}>
        {VIEWS.map((one, index) => (
          <a key={one} href={`#${one}`} aria-current={one === view ? 'page' : undefined} title={t(`Key ${index + 1}`, `快捷键 ${index + 1}`)}>
            {viewName(one)}
          </a>
        ))}
      </nav>
      <main class={view} key={chosenLang} tabIndex={-1}>
        <h1 class="hidden">{viewName(view)}</h1>
        {lost && <Lost error={lost} />}
        {view === 'live' && <Live selected={part === null ? null : Number(part)} select={(call) => (call === null ? go('live') : go('live', call))} />}
        {view === 'people' && <People name={part} go={(user) => go('people', user)} />}
        {view === 'gates' && <Gates />}
        {view === 'key' && <WhichKey />}
        {view === 'faults' && <Faults />}
        {view === 'policy' && <Policy />}
        {view === 'api' && <Api part={part} go={(operation) => go('api', operation)} />}
      </main>
      <LastCall />
    </>
  )
}

/** Beyond loopback the admin API wants a token, which the banner of `wxmock serve` shows. */
function Lost({ error }: { error: Error }) {
  const [token, type] = useState('')
  const wantsToken = error instanceof Refused && error.status === 401
  const enter = () => {
    const address = new URL(location.href)
    address.searchParams.set('token', token.trim())
    location.assign(address)
  }
  if (!wantsToken) {
    return (
      <div class="problem" role="alert">
        <b>{t('The mock does not answer.', 'mock 没有响应。')}</b> {error.message}
      </div>
    )
  }
  return (
    <div class="problem" role="alert">
      <b>{t('This mock listens beyond loopback and wants its token.', '这个 mock 的监听地址不限于本机，访问需要 token。')}</b> {t('The banner of wxmock serve shows it.', 'wxmock serve 启动时会打印。')}
      <div class="bar">
        <Input id="token" label="token" value={token} onInput={type} onEnter={enter} mono />
        <button type="button" id="enter-token" onClick={enter} disabled={!token.trim()}>
          {t('Enter', '进入')}
        </button>
      </div>
    </div>
  )
}

function Header() {
  const all = useStore(apps)
  const app = useApp()
  const state = useStore(link)
  const chosenLang = useStore(lang)
  const colours = useStore(theme)
  const read = useStore(readAt)
  const wall = useNow()
  const next: Record<Theme, Theme> = { auto: 'light', light: 'dark', dark: 'auto' }
  const freeze = async () => {
    if (!app) return
    await act('POST', `${appPath(app.appid)}/clock/${app.clock.frozen ? 'unfreeze' : 'freeze'}`).catch(() => undefined)
    await refresh()
  }
  const now = app ? virtualNow(app.clock, read, wall) : 0
  const ahead = Math.round((now - wall) / 1000)
  return (
    <header class="top">
      <a class="logo" href="#live">
        wxmock
      </a>
      {app && all.length > 1 && (
        <Select id="app-select" label={t('App', '应用')} value={app.appid} options={all.map((one) => [one.appid, `${one.name} · ${one.appid}`] as const)} onChange={(appid) => chosen.set(appid)} />
      )}
      {app && all.length === 1 && (
        <span class="only-app">
          {app.name} <span class="mono">{app.appid}</span>
        </span>
      )}
      <span class="grow" />
      {app && (
        <button type="button" class="small clock" id="clock" aria-pressed={app.clock.frozen} onClick={freeze} title={t('Virtual time of the app; press to freeze or go on', '应用的虚拟时间；点击暂停或继续')}>
          <span class="mono">{clockTime(now)}</span>
          <span class="shift">{app.clock.frozen ? t('frozen', '已暂停') : Math.abs(ahead) > 1 ? `${ahead > 0 ? '+' : ''}${ahead} s` : ''}</span>
        </button>
      )}
      <span class={`link ${state}`} role="status">
        <i />
        <span>{state === 'open' ? t('live', '已连接') : state === 'connecting' ? t('connecting', '连接中') : t('lost', '已断开')}</span>
      </span>
      <button type="button" class="small" id="language" onClick={() => lang.set(chosenLang === 'zh' ? 'en' : 'zh')} lang={chosenLang === 'zh' ? 'en' : 'zh-CN'} title={chosenLang === 'zh' ? 'English' : '中文'}>
        {chosenLang === 'zh' ? 'EN' : '中文'}
      </button>
      <button type="button" class="small" id="theme" onClick={() => theme.set(next[colours])}>
        {colours === 'auto' ? t('Auto', '自动') : colours === 'light' ? t('Light', '浅色') : t('Dark', '深色')}
      </button>
    </header>
  )
}

const root = document.getElementById('app')
if (root) render(<Console />, root)
void refresh()
void learnErrcodes()
void start()
// Clocks are moved and apps made elsewhere too.
let pending: ReturnType<typeof setTimeout> | undefined
follow((entries) => {
  if (!entries.some((entry) => entry.what === 'world' && (entry.event.kind === 'changed' || entry.event.kind === 'reset'))) return
  pending ??= setTimeout(() => {
    pending = undefined
    void refresh()
  }, 250)
})
setInterval(() => document.hidden || void refresh(), 10_000)
