/** The founding bug on one's own backend: two phones log in, the older login's answer comes last, and its key overwrites the newer. */

import { useState } from 'preact/hooks'
import { act, get, userPath } from '../api'
import { cookiesOf, fieldOf, hold, parkedAt, release, toBackend, type Answer } from '../gate'
import { t } from '../lang'
import { remembered } from '../store'
import type { App, User } from '../types'
import { Button, Bytes, Field, Input, Tag } from '../ui'

interface Backend {
  base: string
  login: string
  loginBody: string
  token: string
  open: string
  openBody: string
}

const saved = remembered<Backend>('wxmock.backend')

const FIRST: Backend = {
  base: 'http://127.0.0.1:3000',
  login: '/login',
  loginBody: '{"code":"{code}"}',
  token: 'token',
  open: '/profile',
  openBody: '{"encryptedData":"{encryptedData}","iv":"{iv}"}',
}

type Step = { words: string; state: 'doing' | 'done' | 'failed'; more?: string | undefined }

/** What the walk found out. */
type Verdict = { tone: 'good' | 'bad' | 'warn'; title: string; words: string }

const LABEL = 'older-reply-last'
/** Longer than any backend waits for WeChat. */
const PATIENCE = '10s'

const said = (answer: Answer): string => (answer.error ? answer.error : `HTTP ${answer.status} ${answer.body ?? ''}`)

class Stopped extends Error {}

const fill = (template: string, values: Record<string, string>): string =>
  // Each value stands inside a JSON string.
  template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? JSON.stringify(values[name]).slice(1, -1) : whole))

/** Plays it all; `tell` is told of each step as it begins and ends. */
async function walk(app: App, user: string, backend: Backend, tell: (steps: readonly Step[]) => void): Promise<Verdict> {
  const steps: Step[] = []
  const step = async <T,>(words: string, run: () => Promise<T>, more?: (value: T) => string | undefined): Promise<T> => {
    const mine: Step = { words, state: 'doing' }
    steps.push(mine)
    tell([...steps])
    try {
      const value = await run()
      Object.assign(mine, { state: 'done', more: more?.(value) })
      return value
    } catch (error) {
      Object.assign(mine, { state: 'failed', more: error instanceof Error ? error.message : String(error) })
      throw error
    } finally {
      tell([...steps])
    }
  }
  const path = userPath(app.appid, user)
  const log = (device: string): Promise<string> =>
    act<{ codes: string[] }>('POST', '/_mock/v1/codes', { app: app.appid, user, device }).then((answer) => answer.codes[0] ?? '')
  const post = (code: string): Promise<Answer> => toBackend(backend.base + backend.login, [], fill(backend.loginBody, { code }))
  const held = async (count: number, answer: Promise<Answer>): Promise<number[]> => {
    // A backend that answers without asking WeChat will never be held.
    const early = answer.then((given) => {
      if (given.error) throw new Stopped(t(`the backend did not answer: ${given.error}`, `后端没有响应：${given.error}`))
      throw new Stopped(t(`the backend answered before its call to WeChat came in: ${said(given)}`, `后端还没调用微信就返回了：${said(given)}`))
    })
    const parked = await Promise.race([parkedAt(LABEL, count, PATIENCE), early])
    if (parked.length < count) throw new Stopped(t('no call of jscode2session came in: does the backend call this mock?', '没有收到 jscode2session 调用：后端的微信地址指向这里了吗？'))
    return parked.map((one) => one.call)
  }

  const before = await get<User>(path)
  await step(t(`Every login of ${user} makes a new key (policy eager)`, `${user} 每次登录都签发新 key（策略 eager）`), () => act('PATCH', `${path}/policy`, { preset: 'eager' }))
  const gate = await step(t('A gate holds the answers of two exchanges', '设置闸门：暂停两次换取的应答'), () =>
    hold({ label: LABEL, point: 'committed', match: { appid: app.appid, user, endpoint: 'jscode2session' }, times: 2, limit: '30s' }),
  )
  let isOpen = false
  try {
    const codeA = await step(t('Phone A calls wx.login', '手机 A 调用 wx.login'), () => log('phone-a'), (code) => `…${code.slice(-4)}`)
    const answerA = post(codeA)
    const [first] = await step(t('A posts its code; its exchange is held', 'A 提交 code，换取被暂停'), () => held(1, answerA), ([call]) => `#${call}`)
    const codeB = await step(t('Phone B logs in later: a newer key', '手机 B 随后登录：签发更新的 key'), () => log('phone-b'), (code) => `…${code.slice(-4)}`)
    const answerB = post(codeB)
    const calls = await step(t('B posts its code; its exchange is held too', 'B 提交 code，换取同样被暂停'), () => held(2, answerB), (all) => all.map((call) => `#${call}`).join(', '))
    const second = calls.find((call) => call !== first)
    if (first === undefined || second === undefined) throw new Stopped('')
    await step(t('B’s answer leaves first', '先放行 B 的应答'), () => release([second]))
    const gotB = await step(t('The backend answers B', '后端返回给 B'), () => answerB, said)
    await step(t('A’s answer, the older one, leaves last', '最后放行较旧的 A 的应答'), () => release([first]))
    // It has held what it was made for, and is gone.
    isOpen = true
    const gotA = await step(t('The backend answers A', '后端返回给 A'), () => answerA, said)
    return await judge(app, user, backend, gotA, gotB, step)
  } finally {
    if (!isOpen) {
      await act('DELETE', `/_mock/v1/gates/${gate.id}`).catch(() => undefined)
      const left = await parkedAt(LABEL, 0, '0ms').catch(() => [])
      if (left.length > 0) await release(left.map((one) => one.call)).catch(() => undefined)
    }
    // Rules of the person's own stay as the walk left them: what they were cannot be told from the app's.
    if (before.policy === null) await act('DELETE', `${path}/policy`).catch(() => undefined)
  }
}

/** Phone B captures a profile under the key in force, and the backend has to open it. */
async function judge(
  app: App,
  user: string,
  backend: Backend,
  gotA: Answer,
  gotB: Answer,
  step: <T>(words: string, run: () => Promise<T>, more?: (value: T) => string | undefined) => Promise<T>,
): Promise<Verdict> {
  const ok = (answer: Answer): boolean => answer.status !== undefined && answer.status < 400
  if (!ok(gotB)) return { tone: 'warn', title: t('Nothing shown', '无法判断'), words: t('The backend refused B’s login, so there is no session to look at.', '后端拒绝了 B 的登录，没有会话可供检验。') }
  const query = new URLSearchParams({ app: app.appid, user, device: 'phone-b' })
  const payload = await step(t('B captures a profile with the key in force', 'B 用当前 key 获取用户信息'), () => act<{ errMsg: string; encryptedData?: string; iv?: string }>('GET', `/_mock/wx/getUserProfile?${query}`), (answer) => answer.errMsg)
  const { encryptedData = '', iv = '' } = payload
  const token = fieldOf(gotB.body, backend.token)
  const cookie = cookiesOf(gotB)
  const headers: [string, string][] = []
  if (token) headers.push(['authorization', `Bearer ${token}`])
  if (cookie) headers.push(['cookie', cookie])
  const opened = await step(t('The backend has to open it', '后端解密'), () => toBackend(backend.base + backend.open, headers, fill(backend.openBody, { encryptedData, iv, token: token ?? '' })), said)
  if (ok(opened)) {
    return {
      tone: 'good',
      title: t('Your backend survived', '后端没有问题'),
      words: ok(gotA)
        ? t('B’s payload opens although A’s older answer came last.', '较旧的应答最后到达，B 的数据仍能解开。')
        : t('B’s payload opens; the backend refused the older login.', 'B 的数据能解开；后端拒绝了较旧的登录。'),
    }
  }
  return {
    tone: 'bad',
    title: t('The founding bug: B’s data cannot be opened', '问题重现：B 的数据解不开'),
    words: t(
      'The older answer came last and overwrote the newer session_key. Keep a key for each session, or keep the newest by a number of your own; wxmock explain CL-1 tells more.',
      '较旧的应答最后到达，覆盖了较新的 session_key。应按会话保存 key，或用自己的序号只保留最新的；详见 wxmock explain CL-1。',
    ),
  }
}

export function Walk({ app, users }: { app: App; users: readonly string[] }) {
  const [backend, set] = useState<Backend>({ ...FIRST, ...saved.get() })
  const [steps, tell] = useState<readonly Step[]>([])
  const [verdict, decide] = useState<Verdict | null>(null)
  const user = users[0]
  const change = (part: Partial<Backend>) => {
    const next = { ...backend, ...part }
    set(next)
    saved.set(next)
  }
  const run = async () => {
    if (user === undefined) return
    decide(null)
    tell([])
    try {
      decide(await walk(app, user, backend, tell))
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      decide({ tone: 'warn', title: t('It did not get that far', '未能完成'), words })
    }
  }
  const field = (label: string, name: keyof Backend, id: string) => <Field label={label}>{() => <Input id={id} label={label} mono value={backend[name]} onInput={(value) => change({ [name]: value })} />}</Field>
  return (
    <section class="walk" aria-label={t('Two logins, older reply last', '两次登录，较旧的应答最后到达')}>
      <h2>{t('Two logins, older reply last', '两次登录，较旧的应答最后到达')}</h2>
      <p class="lead">
        {t(
          'Plays the bug that people chase for weeks on your own backend, on this machine, in a second: two phones of one person log in, and the answer to the older login arrives last.',
          '在你本机的后端上一秒重现这个常让人排查几周的问题：同一用户两台手机先后登录，而较早那次登录的应答最后才到达。',
        )}
      </p>
      <div class="grid">
        {field(t('Backend', '后端地址'), 'base', 'walk-base')}
        {field(t('Login: POST', '登录接口：POST'), 'login', 'walk-login')}
        {field(t('Its body', '请求体'), 'loginBody', 'walk-login-body')}
        {field(t('Session token in the answer', '返回里的 token 字段'), 'token', 'walk-token')}
        {field(t('Opens encryptedData: POST', '解密接口：POST'), 'open', 'walk-open')}
        {field(t('Its body', '请求体'), 'openBody', 'walk-open-body')}
      </div>
      <div class="bar">
        <Button id="walk-run" kind="main" run={run} disabled={user === undefined}>
          {t('Play it', '开始')}
        </Button>
        <span class="note">{t(`as ${user ?? '—'}; the token goes as Authorization: Bearer, cookies as cookies`, `用户：${user ?? '—'}；token 以 Authorization: Bearer 发送，cookie 原样带回`)}</span>
      </div>
      {verdict && (
        <div class={`verdict ${verdict.tone}`} id="verdict" role="status">
          <b>{verdict.title}</b>
          <p>{verdict.words}</p>
        </div>
      )}
      {steps.length > 0 && (
        <ol class="steps" id="steps">
          {steps.map((one, index) => (
            <li key={index} class={one.state}>
              <span>{one.words}</span> {one.state === 'doing' && <Tag tone="info">…</Tag>}
              {one.more && <code>{one.more}</code>}
            </li>
          ))}
        </ol>
      )}
      <details>
        <summary>{t('Or by hand, from a phone or curl', '也可以手动操作（手机或 curl）')}</summary>
        <p class="note">{t('Hold two calls below, send two logins, then release the second before the first. A login of your own:', '在下面设置暂停 2 次调用，发两次登录，再先放行第二个。自己发登录请求：')}</p>
        <Bytes
          label="curl"
          text={`CODE=$(curl -s '${location.origin}/_mock/wx/login?app=${app.appid}&user=${user ?? 'alice'}&pick=code')\ncurl -s '${backend.base}${backend.login}' -H 'content-type: application/json' -d "${backend.loginBody.replaceAll('"', '\\"').replace('{code}', '$CODE')}"`}
        />
      </details>
    </section>
  )
}
