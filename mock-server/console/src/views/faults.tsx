/** Faults: which of the next calls go wrong, and how. */

import { useState } from 'preact/hooks'
import { act, appPath, curl, get } from '../api'
import { t } from '../lang'
import type { Fault, User } from '../types'
import { Button, Empty, Field, Input, Problem, Select, Tag } from '../ui'
import { errmsgs, useApp, useLive } from '../world'
import { useStore } from '../store'
import { ENDPOINTS } from './gates'

interface Preset {
  label: string
  about: string
  when: 'before_commit' | 'after_commit'
  effect: Record<string, unknown>
}

const presets = (): Preset[] => [
  { label: 'busy', about: t('WeChat is busy: -1 system error', '微信系统繁忙：-1 system error'), when: 'before_commit', effect: { kind: 'errcode', errcode: -1 } },
  { label: 'minute-quota', about: t('Too many calls in a minute: 45011', '调用过于频繁：45011'), when: 'before_commit', effect: { kind: 'errcode', errcode: 45011 } },
  { label: 'invalid-code', about: t('The code is refused: 40029', 'code 无效：40029'), when: 'before_commit', effect: { kind: 'errcode', errcode: 40029 } },
  { label: 'answer-lost', about: t('The code is spent, the answer never arrives', 'code 已被消费，但应答丢失'), when: 'after_commit', effect: { kind: 'reset' } },
  { label: 'slow-3s', about: t('The answer takes three seconds', '应答延迟 3 秒'), when: 'before_commit', effect: { kind: 'delay', ms: 3000 } },
  { label: 'silent', about: t('No answer at all: does your timeout work?', '一直不应答：检验超时设置'), when: 'before_commit', effect: { kind: 'silent' } },
  { label: 'bad-gateway', about: t('An HTML page with status 502', '返回 502 和 HTML 页面'), when: 'before_commit', effect: { kind: 'status', status: 502, body: '<html><body>502 Bad Gateway</body></html>', content_type: 'text/html' } },
  { label: 'cut-off', about: t('The JSON ends in the middle', 'JSON 中途截断'), when: 'after_commit', effect: { kind: 'truncate', keep_bytes: 20 } },
]

export const effectWords = (effect: Fault['effect'], texts: ReadonlyMap<number, string>): string => {
  const rest = Object.entries(effect).filter(([name, value]) => name !== 'kind' && value !== null && value !== '')
  if (effect.kind === 'errcode') return `errcode ${String(effect['errcode'])} ${texts.get(Number(effect['errcode'])) ?? ''}`
  return [effect.kind, ...rest.map(([name, value]) => `${name} ${String(value)}`)].join(' · ')
}

export function Faults() {
  const app = useApp()
  const texts = useStore(errmsgs)
  const { value, error, again } = useLive(() => get<{ faults: Fault[] }>('/_mock/v1/faults'), (_app, _user, what) => what === 'fault' || what === 'exchange', [])
  const users = useLive(() => (app ? get<{ users: User[] }>(`${appPath(app.appid)}/users?limit=200`) : Promise.resolve({ users: [] })), () => false, [app?.appid])
  const [times, count] = useState('1')
  const [user, whose] = useState('')
  const [endpoint, what] = useState('jscode2session')
  const add = async ({ label, when, effect }: { label: string; when: string; effect: unknown }) => {
    const match: Record<string, string> = {}
    if (endpoint) match['endpoint'] = endpoint
    if (user) match['user'] = user
    if (user && app) match['appid'] = app.appid
    await act('POST', '/_mock/v1/faults', { label, when, effect, match, ...(times.trim() ? { times: Number(times) } : {}) })
    again()
  }
  const remove = async (path: string) => {
    await act('DELETE', path)
    again()
  }
  const faults = value?.faults ?? []
  return (
    <div class="page">
      <h2>{t('Which calls', '对哪些调用')}</h2>
      <div class="bar">
        <Field label={t('Next … calls', '接下来几次')}>{(id) => <Input id={id} type="number" value={times} onInput={count} placeholder={t('all', '全部')} />}</Field>
        <Field label={t('of', '接口')}>{(id) => <Select id={id} value={endpoint} options={[['', t('any endpoint', '任意接口')], ...ENDPOINTS.map((name) => [name, name] as const)]} onChange={what} />}</Field>
        <Field label={t('about', '用户')}>
          {(id) => <Select id={id} value={user} options={[['', t('anybody', '任意用户')], ...(users.value?.users ?? []).map((one) => [one.name, one.name] as const)]} onChange={whose} />}
        </Field>
      </div>
      <h2>{t('What goes wrong', '出什么问题')}</h2>
      <ul class="cards" id="fault-presets">
        {presets().map((preset) => (
          <li key={preset.label}>
            <p>{preset.about}</p>
            <p class="mono dim">{effectWords(preset.effect as Fault['effect'], texts)}</p>
            <Button id={`fault-${preset.label}`} run={() => add(preset)} title="POST /_mock/v1/faults">
              {t('Schedule', '设置')}
            </Button>
          </li>
        ))}
        <OwnErrcode texts={texts} add={add} />
      </ul>
      <h2>
        {t('Scheduled', '已设置')} <Tag tone={faults.length > 0 ? 'warn' : 'dim'}>{faults.length}</Tag>
      </h2>
      {error && <Problem error={error} />}
      {faults.length === 0 ? (
        <Empty title={t('Nothing goes wrong: a good day at WeChat', '没有设置故障：微信一切正常')} line={curl('POST', '/_mock/v1/faults', { label: 'busy', times: 1, effect: { kind: 'errcode', errcode: -1 } })} />
      ) : (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label={t('Scheduled faults', '已设置的故障')}>
            <table class="plain" id="faults">
              <thead>
                <tr>
                  <th scope="col">{t('fault', '故障')}</th>
                  <th scope="col">{t('what', '内容')}</th>
                  <th scope="col">{t('when', '时机')}</th>
                  <th scope="col">{t('which calls', '范围')}</th>
                  <th scope="col" class="number">{t('struck / of', '已命中 / 总数')}</th>
                  <th scope="col" class="number">{t('action', '操作')}</th>
                </tr>
              </thead>
              <tbody>
                {faults.map((fault) => (
                  <tr key={fault.id}>
                    <td>{fault.label}</td>
                    <td class="mono">{effectWords(fault.effect, texts)}</td>
                    <td>{fault.when === 'before_commit' ? t('before the command', '处理之前') : t('after it: the code is spent', '处理之后：code 已消费')}</td>
                    <td class="mono">{Object.entries(fault.match).map(([name, given]) => `${name}=${given}`).join(' ') || t('every call', '所有调用')}</td>
                    <td class="number">
                      {fault.hits} / {fault.times ?? '∞'} {fault.times !== null && fault.hits >= fault.times && <Tag tone="dim">{t('used up', '已用完')}</Tag>}
                    </td>
                    <td class="number">
                      <Button kind="small" run={() => remove(`/_mock/v1/faults/${fault.id}`)}>
                        {t('Remove', '移除')}
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <div class="buttons">
            <Button id="clear-faults" run={() => remove('/_mock/v1/faults')}>
              {t('Remove all', '全部移除')}
            </Button>
          </div>
        </>
      )}
    </div>
  )
}

function OwnErrcode({ texts, add }: { texts: ReadonlyMap<number, string>; add: (rule: { label: string; when: string; effect: unknown }) => Promise<void> }) {
  const [errcode, choose] = useState('40163')
  const options = [...texts].map(([number, text]) => [String(number), `${number} ${text}`] as const)
  return (
    <li>
      <p>{t('Another errcode', '其他 errcode')}</p>
      <Select label="errcode" value={errcode} options={options} onChange={choose} />
      <Button run={() => add({ label: `errcode-${errcode}`, when: 'before_commit', effect: { kind: 'errcode', errcode: Number(errcode) } })}>{t('Schedule', '设置')}</Button>
    </li>
  )
}

