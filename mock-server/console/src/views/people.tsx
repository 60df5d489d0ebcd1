/** Who exists in the app: their keys over time, their codes, their phones, and what can be done to them. */

import { useMemo, useState } from 'preact/hooks'
import { act, appPath, curl, get, userPath } from '../api'
import { t } from '../lang'
import { useStore } from '../store'
import { causeWords, codeWords, endOf, endWords, Timeline } from '../timeline'
import { left, moment, useNow, virtualNow } from '../time'
import type { App, Code, Key, User } from '../types'
import { Bytes, Button, Copy, Empty, Field, Input, Problem, Select, Tag } from '../ui'
import { moveClock, readAt, refresh, useApp, useLive } from '../world'

/** More than this many are found by their whole name. */
const MOST_LISTED = 200

export function People({ name, go }: { name: string | null; go: (user: string) => void }) {
  const app = useApp()
  if (!app) return <Empty title={t('There is no app', '还没有应用')} line={curl('POST', '/_mock/v1/apps', {})} />
  return <OfApp key={app.appid} app={app} name={name} go={go} />
}

function OfApp({ app, name, go }: { app: App; name: string | null; go: (user: string) => void }) {
  const [wanted, search] = useState('')
  const [fresh, nameFresh] = useState('')
  const path = `${appPath(app.appid)}/users`
  const { value, error, again } = useLive(() => get<{ users: User[]; more: boolean }>(`${path}?limit=${MOST_LISTED}`), (appid, _user, what) => what === 'world' && appid === app.appid, [path])
  const users = value?.users ?? []
  const matching = useMemo(() => {
    const text = wanted.trim().toLowerCase()
    return text ? users.filter((user) => `${user.name} ${user.openid} ${user.phone?.pure_number ?? ''}`.toLowerCase().includes(text)) : users
  }, [users, wanted])
  const shown = name ?? users[0]?.name
  const create = async () => {
    const created = fresh.trim()
    if (!created) return
    await act('POST', path, { name: created })
    nameFresh('')
    again()
    void refresh()
    go(created)
  }
  return (
    <div class="people">
      <section class="list" aria-label={t('Users', '用户')}>
        <div class="bar">
          <Input id="search" type="search" label={t('Search', '搜索')} placeholder={t('name, openid, phone ( / )', '名字、openid、手机号 ( / )')} value={wanted} onInput={search} onEnter={() => wanted.trim() && go(matching[0]?.name ?? wanted.trim())} />
        </div>
        {error && <Problem error={error} />}
        <ul class="users">
          {matching.map((one) => {
            const current = one.keys.find((key) => key.current)
            return (
              <li key={one.name}>
                <a href={`#people/${encodeURIComponent(one.name)}`} aria-current={one.name === shown ? 'true' : undefined}>
                  <b>{one.name}</b>
                  <span class="mono dim">{one.openid}</span>
                  <span class="keys">{current ? <Tag tone="good">k{current.no}</Tag> : <Tag tone="dim">{t('no key', '无 key')}</Tag>}</span>
                </a>
              </li>
            )
          })}
        </ul>
        {value?.more && <p class="note">{t(`The first ${MOST_LISTED}. Type another’s whole name and press Enter.`, `只列出前 ${MOST_LISTED} 个。其他用户请输入完整名字后按回车。`)}</p>}
        {value && matching.length === 0 && <p class="note">{t('Nobody matches.', '没有符合的用户。')}</p>}
        <div class="bar new">
          <Input id="new-user" label={t('Name of a new user', '新用户名')} placeholder={t('new user…', '新用户名…')} value={fresh} onInput={nameFresh} onEnter={() => void create().catch(() => undefined)} />
          <Button id="create-user" run={create} disabled={!fresh.trim()}>
            {t('Add', '添加')}
          </Button>
        </div>
      </section>
      {shown !== undefined ? (
        <Chosen key={shown} app={app} name={shown} again={again} />
      ) : (
        value && (
          <section class="person">
            <Empty title={t('This app has no users', '这个应用还没有用户')} line={curl('POST', path, { name: 'alice' })} />
          </section>
        )
      )}
    </div>
  )
}

function Chosen({ app, name, again }: { app: App; name: string; again: () => void }) {
  const path = userPath(app.appid, name)
  const isMine = (appid: string | undefined, who: string | undefined, what: string) => what === 'world' && appid === app.appid && (who === undefined || who === name)
  const { value, error, again: read } = useLive(() => get<User>(path), isMine, [path])
  const both = () => {
    read()
    again()
  }
  if (value) return <Person app={app} user={value} again={both} />
  if (!error) return <section class="person" />
  return (
    <section class="person">
      <Problem error={error} />
      <Empty title={t(`Nobody is called ${name}`, `没有名为 ${name} 的用户`)} line={curl('POST', `${appPath(app.appid)}/users`, { name })} />
    </section>
  )
}

function Person({ app, user, again }: { app: App; user: User; again: () => void }) {
  const path = userPath(app.appid, user.name)
  const isMine = (appid: string | undefined, who: string | undefined, what: string) => what === 'world' && appid === app.appid && (who === undefined || who === user.name)
  const { value } = useLive(() => get<{ codes: Code[] }>(`${path}/codes`), isMine, [path])
  const codes = value?.codes ?? []
  const wall = useNow()
  const read = useStore(readAt)
  const now = virtualNow(app.clock, read, wall)
  const done = () => {
    again()
    void refresh()
  }
  const current = user.keys.find((key) => key.current)
  return (
    <section class="person" id="person" aria-label={user.name}>
      <header>
        <h2>{user.name}</h2>
        {current ? <Tag tone="good">{t(`k${current.no} in force, ${left(current.expires_at - now)} left`, `k${current.no} 有效，剩余 ${left(current.expires_at - now)}`)}</Tag> : <Tag tone="dim">{t('no key in force', '没有有效的 key')}</Tag>}
        {user.switches.phone !== 'allow' && <Tag tone="warn">{t('refuses the phone number', '拒绝提供手机号')}</Tag>}
        {user.switches.user_info !== 'allow' && <Tag tone="warn">{t('refuses the profile', '拒绝提供用户信息')}</Tag>}
      </header>
      <dl class="facts">
        <div>
          <dt>openid</dt>
          <dd class="mono">
            {user.openid} <Copy text={user.openid} />
          </dd>
        </div>
        {user.unionid && (
          <div>
            <dt>unionid</dt>
            <dd class="mono">
              {user.unionid} <Copy text={user.unionid} />
            </dd>
          </div>
        )}
      </dl>
      <Login app={app} user={user} codes={codes} now={now} done={done} />
      <h3>{t('Keys', 'key 时间线')}</h3>
      {user.keys.length > 0 ? (
        <>
          <Timeline keys={user.keys} codes={codes} now={now} />
          <Keys keys={user.keys} now={now} />
        </>
      ) : (
        <Empty title={t('No session_key yet', '还没有 session_key')}>
          <p>{t('A login makes one: press “Log in” above, or let a page call wx.login.', '登录后就会有：点上面的“登录”，或让页面调用 wx.login。')}</p>
        </Empty>
      )}
      <Levers app={app} user={user} path={path} done={done} hasKey={current !== undefined} />
      <h3>{t('Login codes', '登录 code')}</h3>
      {codes.length > 0 ? <Codes codes={codes} now={now} /> : <p class="note">{t('None yet.', '还没有。')}</p>}
      <h3>{t('Phones', '设备')}</h3>
      <Devices user={user} codes={codes} now={now} />
    </section>
  )
}

function Login({ app, user, codes, now, done }: { app: App; user: User; codes: readonly Code[]; now: number; done: () => void }) {
  const [device, name] = useState('phone')
  const [made, make] = useState<string | null>(null)
  const known = [...new Set(['phone', ...codes.map((code) => code.device), ...user.keys.map((key) => key.device)])]
  const login = async () => {
    const answer = await act<{ codes: string[] }>('POST', '/_mock/v1/codes', { app: app.appid, user: user.name, device: device.trim() || 'phone' })
    make(answer.codes[0] ?? null)
    done()
  }
  const code = codes.find((one) => one.code === made)
  const exchange = `curl -s ${`'${location.origin}/sns/jscode2session?appid=${app.appid}&secret=${app.secret}&js_code=${made}&grant_type=authorization_code'`}`
  return (
    <div class="login">
      <div class="bar">
        <Field label={t('Phone', '设备')}>
          {(id) => (
            <>
              <Input id={id} value={device} onInput={name} list={`${id}-known`} mono />
              <datalist id={`${id}-known`}>
                {known.map((one) => (
                  <option value={one} key={one} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Button id="login" kind="main" run={login} title="POST /_mock/v1/codes">
          {t('Log in', '登录')}
        </Button>
      </div>
      {made && (
        <div class="made" id="made-code">
          <p>
            <code class="big">{made}</code> <Copy id="copy-code" text={made}>{t('Copy code', '复制 code')}</Copy>{' '}
            {code?.state === 'fresh' ? <Tag tone="good">{t(`expires in ${left(code.expires_at - now)}`, `${left(code.expires_at - now)} 后过期`)}</Tag> : code ? <Tag tone="dim">{codeWords(code.state)}</Tag> : null}
          </p>
          <Bytes label="curl" text={exchange} />
        </div>
      )}
    </div>
  )
}

function Keys({ keys, now }: { keys: readonly Key[]; now: number }) {
  const newest = [...keys].reverse().slice(0, 20)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('Keys', 'key')}>
      <table class="plain" id="keys">
        <thead>
          <tr>
            <th scope="col">key</th>
            <th scope="col">session_key</th>
            <th scope="col">{t('issued by', '由谁签发')}</th>
            <th scope="col">{t('issued', '签发')}</th>
            <th scope="col">{t('renewed', '续期')}</th>
            <th scope="col">{t('state', '状态')}</th>
            <th scope="col">{t('ended / expires', '结束 / 过期')}</th>
          </tr>
        </thead>
        <tbody>
          {newest.map((key) => {
            const end = endOf(key)
            return (
              <tr key={key.no}>
                <td class="mono">k{key.no}</td>
                <td class="mono">
                  {key.session_key} <Copy text={key.session_key} />
                </td>
                <td>{causeWords(key)}</td>
                <td class="mono">{moment(key.issued_at, now)}</td>
                <td class="mono">{key.renewed_at > key.issued_at ? moment(key.renewed_at, now) : '—'}</td>
                <td>
                  <Tag tone={key.current ? 'good' : key.displaced_at !== null ? 'warn' : 'dim'}>{key.displaced_by === null ? endWords(key, now, keys) : t(`displaced by k${key.displaced_by}`, `被 k${key.displaced_by} 替换`)}</Tag>
                </td>
                <td class="mono">{moment(end ?? key.expires_at, now)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function Codes({ codes, now }: { codes: readonly Code[]; now: number }) {
  const [all, showAll] = useState(false)
  const newest = [...codes].reverse()
  const shown = all ? newest.slice(0, 500) : newest.slice(0, 10)
  const tone = { fresh: 'good', exchanged: 'info', expired: 'dim', burnt: 'bad' } as const
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('Login codes', '登录 code')}>
        <table class="plain" id="codes">
          <thead>
            <tr>
              <th scope="col">code</th>
              <th scope="col">{t('phone', '设备')}</th>
              <th scope="col">key</th>
              <th scope="col">{t('state', '状态')}</th>
              <th scope="col">{t('made', '生成')}</th>
              <th scope="col">{t('ended / left', '结束 / 剩余')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((code) => (
              <tr key={code.code}>
                <td class="mono">
                  {code.code} <Copy text={code.code} />
                </td>
                <td>{code.device}</td>
                <td class="mono">k{code.key}</td>
                <td>
                  <Tag tone={tone[code.state]}>{codeWords(code.state)}</Tag>
                </td>
                <td class="mono">{moment(code.minted_at, now)}</td>
                <td class="mono">{code.state === 'fresh' ? left(code.expires_at - now) : code.ended_at === null ? '—' : moment(code.ended_at, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {newest.length > shown.length && (
        <button type="button" class="small" onClick={() => showAll(true)}>
          {t(`Show all ${newest.length}`, `显示全部 ${newest.length} 个`)}
        </button>
      )}
    </>
  )
}

function Devices({ user, codes, now }: { user: User; codes: readonly Code[]; now: number }) {
  const names = [...new Set([...codes.map((code) => code.device), ...user.keys.map((key) => key.device)])].sort()
  if (names.length === 0) return <p class="note">{t('None has logged in.', '还没有设备登录过。')}</p>
  const current = user.keys.find((key) => key.current)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('Phones', '设备')}>
      <table class="plain" id="devices">
        <thead>
          <tr>
            <th scope="col">{t('phone', '设备')}</th>
            <th scope="col">{t('last login', '最近登录')}</th>
            <th scope="col">{t('its code', '其 code')}</th>
            <th scope="col">{t('bound to', '绑定的 key')}</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const last = codes.findLast((code) => code.device === name)
            return (
              <tr key={name}>
                <td>{name}</td>
                <td class="mono">{last ? moment(last.minted_at, now) : '—'}</td>
                <td>{last ? codeWords(last.state) : '—'}</td>
                <td>{last ? <Tag tone={last.key === current?.no ? 'good' : 'warn'}>{last.key === current?.no ? t(`k${last.key}, in force`, `k${last.key}，有效`) : t(`k${last.key}, not in force`, `k${last.key}，已失效`)}</Tag> : '—'}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function Levers({ app, user, path, done, hasKey }: { app: App; user: User; path: string; done: () => void; hasKey: boolean }) {
  const [number, type] = useState(user.phone?.pure_number ?? '')
  const [whose, age] = useState<'user' | 'all'>('user')
  const key = async (what: string) => {
    await act('POST', `${path}/keys/${what}`, undefined)
    done()
  }
  const edit = async (body: unknown) => {
    await act('PATCH', path, body)
    done()
  }
  const toggle = (name: 'phone' | 'user_info') => edit({ switches: { [name]: user.switches[name] === 'allow' ? 'deny' : 'allow' } })
  const advance = async (by: string) => {
    await moveClock(app.appid, 'advance', whose === 'user' ? { by, user: user.name } : { by })
    done()
  }
  return (
    <div class="levers">
      <fieldset>
        <legend>{t('session_key', 'session_key')}</legend>
        <Button id="key-expire" run={() => key('expire')} disabled={!hasKey} title={`POST ${path}/keys/expire`}>
          {t('Expire', '让它过期')}
        </Button>
        <Button id="key-rotate" run={() => key('rotate')} title={`POST ${path}/keys/rotate`}>
          {t('Rotate', '轮换')}
        </Button>
        <Button id="key-reset" run={() => key('reset')} disabled={!hasKey} title={`POST ${path}/keys/reset`}>
          {t('Reset', '重置')}
        </Button>
      </fieldset>
      <fieldset>
        <legend>{t('What the person refuses', '用户拒绝授权')}</legend>
        <Button id="deny-profile" run={() => toggle('user_info')} pressed={user.switches.user_info !== 'allow'} title={`PATCH ${path}`}>
          {t('Profile', '用户信息')}
        </Button>
        <Button id="deny-phone" run={() => toggle('phone')} pressed={user.switches.phone !== 'allow'} title={`PATCH ${path}`}>
          {t('Phone number', '手机号')}
        </Button>
      </fieldset>
      <fieldset>
        <legend>{t('Phone number', '手机号')}</legend>
        <Input id="phone-number" label={t('Phone number', '手机号')} value={number} onInput={type} mono />
        <Button id="phone-save" run={() => edit({ phone: { pure_number: number.trim() } })} disabled={!number.trim() || number.trim() === user.phone?.pure_number} title={`PATCH ${path}`}>
          {t('Change', '修改')}
        </Button>
      </fieldset>
      <fieldset>
        <legend>{t('Advance time', '推进时间')}</legend>
        <Select
          id="advance-whose"
          label={t('For whom', '对谁')}
          value={whose}
          options={[
            ['user', t(`only ${user.name}`, `仅 ${user.name}`)],
            ['all', t('the whole app', '整个应用')],
          ]}
          onChange={(value) => age(value === 'all' ? 'all' : 'user')}
        />
        {(
          [
            ['1m', t('+1 min', '+1 分钟')],
            ['5m', t('+5 min', '+5 分钟')],
            ['1h', t('+1 h', '+1 小时')],
            ['72h', t('+3 d', '+3 天')],
          ] as const
        ).map(([by, text]) => (
          <Button key={by} id={`advance-${by}`} run={() => advance(by)} title={`POST ${appPath(app.appid)}/clock/advance`}>
            {text}
          </Button>
        ))}
      </fieldset>
    </div>
  )
}
