/** Calls held at a point: how many next ones, who is held now, and in which order they go on. */

import { useEffect, useState } from 'preact/hooks'
import { act, appPath, curl, get } from '../api'
import { hold, openAll, release } from '../gate'
import { t } from '../lang'
import type { App, Gate, Parked, Point, User } from '../types'
import { Button, Empty, Field, Input, Problem, Select, Tag } from '../ui'
import { useNow } from '../time'
import { useApp, useLive } from '../world'
import { Walk } from './walk'

export const ENDPOINTS = ['jscode2session', 'token', 'stable_token', 'checksession', 'resetusersessionkey', 'getuserphonenumber', 'checkencryptedmsg']

const pointWords = (point: Point): string =>
  ({
    arrived: t('before anything changes', '处理之前'),
    committed: t('state changed, answer not sent', '状态已变，应答未发'),
    answered: t('after the answer', '应答之后'),
  })[point]

export function Gates() {
  const app = useApp()
  const gates = useLive(() => get<{ gates: Gate[] }>('/_mock/v1/gates'), (_app, _user, what) => what === 'gate' || what === 'exchange', [])
  const parked = useLive(() => get<{ parked: Parked[] }>('/_mock/v1/parked'), (_app, _user, what) => what === 'gate' || what === 'exchange', [])
  const users = useLive(() => (app ? get<{ users: User[] }>(`${appPath(app.appid)}/users?limit=200`) : Promise.resolve({ users: [] })), () => false, [app?.appid])
  const names = (users.value?.users ?? []).map((user) => user.name)
  const again = () => {
    gates.again()
    parked.again()
  }
  const rules = gates.value?.gates ?? []
  return (
    <div class="page">
      {app && <Walk app={app} users={names} />}
      <h2>{t('Hold calls', '暂停调用')}</h2>
      <HoldForm app={app} users={names} again={again} />
      {gates.error && <Problem error={gates.error} />}
      {rules.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('Gates', '闸门')}>
          <table class="plain" id="gates">
            <thead>
              <tr>
                <th scope="col">{t('gate', '闸门')}</th>
                <th scope="col">{t('point', '位置')}</th>
                <th scope="col">{t('holds', '范围')}</th>
                <th scope="col" class="number">{t('held now', '正暂停')}</th>
                <th scope="col" class="number">{t('taken / of', '已暂停 / 总数')}</th>
                <th scope="col" class="number">{t('action', '操作')}</th>
              </tr>
            </thead>
            <tbody>
              {rules.map((gate) => (
                <tr key={gate.id}>
                  <td>{gate.label}</td>
                  <td>{pointWords(gate.point)}</td>
                  <td class="mono">{Object.entries(gate.match).map(([name, value]) => `${name}=${value}`).join(' ') || t('every call', '所有调用')}</td>
                  <td class="number">{gate.held}</td>
                  <td class="number">
                    {gate.taken} / {gate.times ?? '∞'}
                  </td>
                  <td class="number">
                    <Button kind="small" run={() => act('DELETE', `/_mock/v1/gates/${gate.id}`).then(again)}>
                      {t('Remove', '移除')}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Held parked={parked.value?.parked ?? []} readAt={parked.at} again={again} hasGates={rules.length > 0} />
    </div>
  )
}

function HoldForm({ app, users, again }: { app: App | undefined; users: readonly string[]; again: () => void }) {
  const [times, count] = useState('2')
  const [point, place] = useState<Point>('committed')
  const [user, whose] = useState('')
  const [endpoint, what] = useState('jscode2session')
  const [limit, wait] = useState('60s')
  const run = async () => {
    const match: Record<string, string> = {}
    if (endpoint) match['endpoint'] = endpoint
    if (user) match['user'] = user
    if (user && app) match['appid'] = app.appid
    const n = Number(times)
    await hold({ label: 'console', point, match, limit, ...(times.trim() ? { times: n } : {}) })
    again()
  }
  return (
    <div class="bar">
      <Field label={t('Next … calls', '接下来几次')}>{(id) => <Input id={id} type="number" value={times} onInput={count} placeholder={t('all', '全部')} />}</Field>
      <Field label={t('of', '接口')}>{(id) => <Select id={id} value={endpoint} options={[['', t('any endpoint', '任意接口')], ...ENDPOINTS.map((name) => [name, name] as const)]} onChange={what} />}</Field>
      <Field label={t('about', '用户')}>{(id) => <Select id={id} value={user} options={[['', t('anybody', '任意用户')], ...users.map((name) => [name, name] as const)]} onChange={whose} />}</Field>
      <Field label={t('at the point', '位置')}>
        {(id) => <Select id={id} value={point} options={(['arrived', 'committed', 'answered'] as const).map((one) => [one, pointWords(one)] as const)} onChange={(value) => place(value as Point)} />}
      </Field>
      <Field label={t('at most', '最长')}>{(id) => <Input id={id} value={limit} onInput={wait} mono />}</Field>
      <Button id="hold" kind="main" run={run} title="POST /_mock/v1/gates">
        {t('Hold', '暂停')}
      </Button>
    </div>
  )
}

/** The held calls in the order they will go on: dragged, or moved by the buttons. */
function Held({ parked, readAt, again, hasGates }: { parked: readonly Parked[]; readAt: number; again: () => void; hasGates: boolean }) {
  const [order, arrange] = useState<number[]>([])
  const [dragged, drag] = useState<number | null>(null)
  const now = useNow()
  useEffect(() => {
    // Who is new goes last, who is gone goes out, and the order in between is the person's.
    arrange((before) => {
      const there = parked.map((one) => one.call)
      return [...before.filter((call) => there.includes(call)), ...there.filter((call) => !before.includes(call))]
    })
  }, [parked])
  const move = (call: number, to: number) => arrange((before) => {
    const rest = before.filter((one) => one !== call)
    rest.splice(Math.max(0, Math.min(rest.length, to)), 0, call)
    return rest
  })
  const letGo = async (calls: readonly number[]) => {
    await release(calls)
    again()
  }
  const rows = order.flatMap((call) => parked.find((one) => one.call === call) ?? [])
  return (
    <section aria-label={t('Held now', '正在暂停的调用')}>
      <h2>
        {t('Held now', '正在暂停')} <Tag tone={rows.length > 0 ? 'warn' : 'dim'}>{rows.length}</Tag>
      </h2>
      {rows.length === 0 ? (
        <Empty title={t('No call is held', '没有暂停的调用')} line={curl('POST', '/_mock/v1/gates', { times: 2, match: { endpoint: 'jscode2session' }, limit: '60s' })}>
          <p>{hasGates ? t('The gate waits for calls: log in on your backend.', '闸门已就绪：去后端登录一次。') : t('Press “Hold” above, or from a script:', '点上面的“暂停”，或用脚本：')}</p>
        </Empty>
      ) : (
        <>
          <ol class="held" id="held">
            {rows.map((one, index) => {
              const heldMs = one.held_ms + Math.max(0, now - readAt)
              return (
                <li
                  key={one.call}
                  data-call={one.call}
                  class={dragged === one.call ? 'dragged' : undefined}
                  draggable
                  onDragStart={(event) => {
                    event.dataTransfer?.setData('text/plain', String(one.call))
                    drag(one.call)
                  }}
                  onDragOver={(event) => {
                    event.preventDefault()
                    if (dragged !== null && dragged !== one.call) move(dragged, index)
                  }}
                  onDragEnd={() => drag(null)}
                  onDrop={(event) => event.preventDefault()}
                >
                  <span class="grip" aria-hidden="true">
                    ⠿
                  </span>
                  <b class="mono">#{one.call}</b>
                  <span>{one.user ?? '—'}</span>
                  <span class="mono">{one.js_code ?? ''}</span>
                  <span class="dim">
                    {one.endpoint} · {pointWords(one.point)}
                  </span>
                  <span class="grow" />
                  <span class="mono counter">
                    {Math.floor(heldMs / 1000)} / {Math.round(one.limit_ms / 1000)} s
                  </span>
                  <button type="button" class="small" aria-label={t(`Call ${one.call} earlier`, `调用 ${one.call} 提前`)} disabled={index === 0} onClick={() => move(one.call, index - 1)}>
                    ↑
                  </button>
                  <button type="button" class="small" aria-label={t(`Call ${one.call} later`, `调用 ${one.call} 推后`)} disabled={index === rows.length - 1} onClick={() => move(one.call, index + 1)}>
                    ↓
                  </button>
                  <Button kind="small" run={() => letGo([one.call])}>
                    {t('Release', '放行')}
                  </Button>
                </li>
              )
            })}
          </ol>
          <div class="buttons">
            <Button id="release-order" kind="main" run={() => letGo(rows.map((one) => one.call))}>
              {t('Release in this order', '按此顺序放行')}
            </Button>
            <Button id="release-all" run={() => openAll().then(again)} title="POST /_mock/v1/gates/open">
              {t('Open every gate', '打开所有闸门')}
            </Button>
          </div>
        </>
      )}
    </section>
  )
}
